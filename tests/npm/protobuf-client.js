'use strict';
// node protobuf-client.js PORT
// npm's pomelo-jsclient-websocket, unchanged, with npm's pomelo-protobuf, plays twice with the connector at this port: enters a room, asks
// a backend, says something and hears it, fails twice (the second answer's definition has no place for a code). Prints as one JSON line what it was answered, what the body of its words was on the
// wire, and whether the handshake told it the definitions: the second time it has them.
const { EventEmitter } = require('events');

global.window = global;
window.Protocol = require('pomelo-protocol');
window.protobuf = require('pomelo-protobuf');
window.EventEmitter = EventEmitter;
window.WebSocket = require('ws');
const stored = {};
let told = false;
// Where the client keeps the definitions it is told.
window.localStorage = {
  getItem: (key) => stored[key],
  setItem: (key, value) => { stored[key] = value; told = true; },
};
require('pomelo-jsclient-websocket/lib/pomelo-client.js');
const pomelo = window.pomelo;
const port = Number(process.argv[2]);
const SAY = 'chat.chatHandler.say';

const request = (route, body) => new Promise((done) => pomelo.request(route, body, done));

(async () => {
  let left = () => {};
  pomelo.on('io-error', () => { console.error('could not connect'); process.exit(1); });
  pomelo.on('disconnect', () => left());
  const result = { told: [], users: [], seen: [], pushed: [], failed: [], silent: [], wire: [] };
  for (const name of ['node1', 'node2']) {
    told = false;
    await new Promise((done) => pomelo.init({ host: '127.0.0.1', port, log: false }, done));
    result.told.push(told);
    result.users.push(await request('connector.entryHandler.enter', { name, rid: 'room1' }));
    result.seen.push(await request('chat.chatHandler.seen', {}));
    const text = '大家好';
    result.wire.push(Buffer.from(window.protobuf.encode(SAY, { text })).toString('hex'));
    const heard = new Promise((done) => pomelo.once('onChat', done));
    await request(SAY, { text });
    result.pushed.push(await heard);
    result.failed.push(await request('connector.entryHandler.fail', {}));
    result.silent.push(await request('chat.chatHandler.panic', {}));
    const gone = new Promise((done) => { left = done; });
    pomelo.disconnect();
    await gone;
  }
  console.log(JSON.stringify(result));
  process.exit(0);
})();
