// Listens with hyco-https. GET /…/size/N answers N bytes and /…/never nothing; anything else is echoed, with the method and
// target in headers.
'use strict';
const { HOST, ENTITY, KEYNAME, KEY, RENEW, LASTS } = process.env;
if (RENEW) {
  const every = global.setInterval;
  global.setInterval = (f, ms, ...rest) => every(f, ms === 3600000 ? Number(RENEW) : ms, ...rest);
}
const https = require('hyco-https');
const uri = `wss://${HOST}/$hc/${ENTITY}?sb-hc-action=listen`;
const server = https.createRelayedServer(
  { server: uri, token: () => https.createRelayToken(`http://${HOST}/${ENTITY}`, KEYNAME, KEY, LASTS ? Number(LASTS) : undefined) },
  (req, res) => {
    if (/\/never/.test(req.url)) {
      console.log('asked');
      return;
    }
    const chunks = [];
    req.on('data', chunk => chunks.push(Buffer.from(chunk)));
    req.on('end', () => {
      const size = /\/size\/(\d+)/.exec(req.url);
      const status = /[?&]status=(\d+)/.exec(req.url);
      if (status) {
        res.statusCode = Number(status[1]);
        res.statusMessage = 'As asked';
      }
      res.setHeader('X-Method', req.method);
      res.setHeader('X-Target', req.url);
      res.setHeader('X-Token', String(req.headers['servicebusauthorization'] || 'none'));
      const body = size ? Buffer.alloc(Number(size[1]), 0x61) : Buffer.concat(chunks);
      // The library never ends a response whose body is an empty buffer.
      body.length > 0 ? res.end(body) : res.end();
    });
  });
server.listen();
server.on('listening', () => console.log('listening'));
server.on('error', e => console.log('error ' + (e.message || e)));
