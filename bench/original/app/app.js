'use strict';
// The original, as published but for one repair, with the servers of the chat example and no game in them: what is measured is
// how long its servers take to follow a new master. ZK is host:port of ZooKeeper.
const pomelo = require('pomelo');

// Without this the monitors of a dead master throw on a null socket and never move to the new one.
const MqttClient = require('pomelo-admin/lib/protocol/mqtt/mqttClient');
MqttClient.prototype.close = function () {
  this.connected = false;
  this.closed = true;
  clearTimeout(this.reconnectId);
  clearTimeout(this.timeoutId);
  clearInterval(this.keepaliveTimer);
  if (this.socket) this.socket.disconnect();
};

const app = pomelo.createApp();
app.set('name', 'original');
app.configure('production|development', function () {
  app.use(require('pomelo-masterha-plugin'), { zookeeper: { server: process.env.ZK, path: '/pomelo/master' } });
});
app.configure('production|development', 'connector|gate', function () {
  app.set('connectorConfig', { connector: pomelo.connectors.hybridconnector, heartbeat: 30 });
});
app.start();

process.on('uncaughtException', function (err) {
  console.error(' Caught exception: ' + err.stack);
});
