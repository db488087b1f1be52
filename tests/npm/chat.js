'use strict';
// node chat.js GATE_PORT NAME ROOM EVERY_MS
// A chat client made of npm's pomelo-jsclient-websocket, unchanged. It enters a room by way of the gate and sends a numbered
// message each EVERY_MS milliseconds until it reads "stop" on stdin; then it waits for what it has sent and prints, as one
// JSON line, which numbers were answered and which came back as pushes, in order. "entered" is printed when it is in.
const { EventEmitter } = require('events');

global.window = global;
window.Protocol = require('pomelo-protocol');
window.protobuf = require('pomelo-protobuf');
window.EventEmitter = EventEmitter;
window.WebSocket = require('ws');
// As in a browser: the client keeps the definitions of protobuf messages there.
window.localStorage = { getItem: () => null, setItem: () => {} };
require('pomelo-jsclient-websocket/lib/pomelo-client.js');
const pomelo = window.pomelo;

const [gatePort, name, room, everyMs] = process.argv.slice(2);
const WAIT_MS = 10000;

function fail(what) {
  console.error(what);
  process.exit(1);
}
function connect(host, port) {
  return new Promise((done) => pomelo.init({ host, port, log: false }, done));
}
function request(route, body) {
  return new Promise((done) => pomelo.request(route, body, done));
}

(async () => {
  pomelo.on('io-error', () => fail('could not connect'));
  await connect('127.0.0.1', Number(gatePort));
  const at = await request('gate.gateHandler.queryEntry', { uid: name });
  if (at.code !== 200) fail(`the gate answered ${JSON.stringify(at)}`);
  pomelo.disconnect();

  await connect(at.host, at.port);
  pomelo.on('disconnect', () => fail('the connector closed the connection'));
  pomelo.on('onKick', () => fail('kicked'));
  const pushed = [];
  pomelo.on('onChat', (chat) => { if (chat.from === name) pushed.push(Number(chat.msg)); });
  const entered = await request('connector.entryHandler.enter', { username: name, rid: room });
  if (entered.code !== 200) fail(`enter was answered with ${JSON.stringify(entered)}`);
  console.log('entered');

  let sent = 0;
  const answered = [];
  const refused = [];
  const timer = setInterval(() => {
    const n = sent++;
    pomelo.request('chat.chatHandler.send', { content: String(n), from: name, target: '*' }, (answer) => {
      (answer.code === undefined || answer.code === 200 ? answered : refused).push(n);
    });
  }, Number(everyMs));

  process.stdin.on('data', (text) => {
    if (!String(text).includes('stop')) return;
    clearInterval(timer);
    const end = Date.now() + WAIT_MS;
    const check = setInterval(() => {
      if ((answered.length + refused.length < sent || pushed.length < sent) && Date.now() < end) return;
      clearInterval(check);
      console.log(JSON.stringify({ sent, answered, refused, pushed }));
      process.exit(0);
    }, 20);
  });
})();
