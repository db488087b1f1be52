'use strict';
// The chat example on the original, as far as `cargo xtask bench load` asks for it. What the framework logs for each message is turned
// off and TCP_NODELAY is on: without the one it takes about three times the CPU, without the other 44 ms for each call.
const net = require('net');
const { createConnection } = net;
net.createConnection = function () {
  const socket = createConnection.apply(net, arguments);
  socket.setNoDelay(true);
  return socket;
};
const { listen } = net.Server.prototype;
net.Server.prototype.listen = function () {
  this.on('connection', (socket) => socket.setNoDelay(true));
  return listen.apply(this, arguments);
};

const pomelo = require('pomelo');
const ofLogger = { paths: [require.resolve('pomelo').replace(/pomelo\/.*$/, 'pomelo'), ...require.resolve.paths('pomelo')] };
const log4js = require(require.resolve('log4js', { paths: [require.resolve('pomelo-logger', ofLogger)] }));
for (const category of ['pomelo', 'pomelo-rpc', 'pomelo-admin', 'rpc-log', 'forward-log', 'con-log']) {
  log4js.getLogger(category).setLevel('WARN');
}

const app = pomelo.createApp();
app.set('name', 'load');
app.configure('production|development', () => {
  // As in our example: the chat server that was chosen when the session entered.
  app.route('chat', (session, message, app, done) => done(null, (session && session.get('chatId')) || 'chat-server-1'));
});
app.configure('production|development', 'connector|gate', () => {
  app.set('connectorConfig', { connector: pomelo.connectors.hybridconnector, heartbeat: 30, useDict: true });
});
app.start();

process.on('uncaughtException', (err) => console.error(' Caught exception: ' + err.stack));
