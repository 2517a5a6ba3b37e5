// Connects with hyco-ws, sends as many bytes as each argument says, and says of each whether it came back whole. TIMES: so many
// connections, which begin when all are open.
'use strict';
const { HOST, ENTITY, KEYNAME, KEY, TIMES } = process.env;
const crypto = require('crypto');
const hyco = require('hyco-ws');
const token = hyco.createRelayToken(`http://${HOST}/${ENTITY}`, KEYNAME, KEY);
const echo = socket => {
  const sizes = process.argv.slice(2).map(Number);
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
};
const times = Number(TIMES || 1);
const open = [];
for (let i = 0; i < times; i++) {
  const address = `wss://${HOST}/$hc/${ENTITY}?sb-hc-action=connect&sb-hc-token=${encodeURIComponent(token)}`;
  const client = hyco.relayedConnect(address, token, socket => {
    open.push(socket);
    if (open.length === times) open.forEach(echo);
  });
  client.on('error', e => console.log('error ' + e.message));
}
