// Connects with hyco-ws, sends as many bytes as each argument says, and says of each whether it came back whole.
'use strict';
const { HOST, ENTITY, KEYNAME, KEY } = process.env;
const crypto = require('crypto');
const hyco = require('hyco-ws');
const token = hyco.createRelayToken(`http://${HOST}/${ENTITY}`, KEYNAME, KEY);
const sizes = process.argv.slice(2).map(Number);
const client = hyco.relayedConnect(`wss://${HOST}/$hc/${ENTITY}?sb-hc-action=connect&sb-hc-token=${encodeURIComponent(token)}`, token, socket => {
  let sent;
  const next = () => {
    if (sizes.length === 0) {
      console.log('done');
      socket.close(1000, 'done');
      return;
    }
    sent = crypto.randomBytes(sizes.shift());
    socket.send(sent, { binary: true });
  };
  socket.on('message', data => {
    console.log(`${sent.length} ${Buffer.compare(sent, Buffer.from(data)) === 0 ? 'whole' : 'broken'}`);
    next();
  });
  socket.on('close', code => console.log('closed ' + code));
  next();
});
client.on('error', e => console.log('error ' + e.message));
