// Sends requests with hyco-https' helpers: arguments are METHOD:TARGET:BYTES. Says status, bytes and whether an echo came back whole.
'use strict';
const { HOST, ENTITY, KEYNAME, KEY } = process.env;
const crypto = require('crypto');
const https = require('hyco-https');
const token = https.createRelayToken(`http://${HOST}/${ENTITY}`, KEYNAME, KEY);
const [hostname, port] = HOST.split(':');
for (const argument of process.argv.slice(2)) {
  const [method, target, bytes] = argument.split(':');
  const sent = crypto.randomBytes(Number(bytes));
  const headers = { ServiceBusAuthorization: token, 'Content-Length': sent.length };
  const request = https.request({ hostname, port, method, path: `/${ENTITY}${target}`, headers }, response => {
    const chunks = [];
    response.on('data', chunk => chunks.push(chunk));
    response.on('end', () => {
      const body = Buffer.concat(chunks);
      console.log(`${argument} ${response.statusCode} ${body.length} ${Buffer.compare(body, sent) === 0 ? 'whole' : 'other'}`);
    });
  });
  request.on('error', e => console.log(`${argument} error ${e.message}`));
  request.end(sent);
}
