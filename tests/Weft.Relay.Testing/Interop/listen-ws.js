// Listens with hyco-ws and echoes. RENEW: milliseconds after which the library's hourly renewal comes instead; LASTS: seconds
// that a token lasts; ONCE: comes again once for each attempt that fails.
'use strict';
const { HOST, ENTITY, KEYNAME, KEY, RENEW, LASTS, ONCE } = process.env;
if (RENEW) {
  const every = global.setInterval;
  global.setInterval = (f, ms, ...rest) => every(f, ms === 3600000 ? Number(RENEW) : ms, ...rest);
}
const hyco = require('hyco-ws');
const uri = `wss://${HOST}/$hc/${ENTITY}?sb-hc-action=listen`;
const server = hyco.createRelayedServer(
  { server: uri, token: () => hyco.createRelayToken(`http://${HOST}/${ENTITY}`, KEYNAME, KEY, LASTS ? Number(LASTS) : undefined) },
  socket => {
    socket.on('message', (data, flags) => socket.send(data, { binary: Boolean(flags && flags.binary) }));
    socket.on('error', () => {});
  });
server.on('listening', () => console.log('listening'));
server.on('error', e => {
  console.log('error ' + e.message);
  // The library connects anew for the error and again for the close that follows it.
  if (ONCE) e.target.onclose = null;
});
