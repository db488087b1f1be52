'use strict';
// What the page of LordOfPomelo has around it: npm's pomelo-jsclient-websocket with npm's pomelo-protocol and the browser's half of
// npm's pomelo-protobuf, unchanged, each page in a global scope of its own. Here too: what went over its wire, package by package, and
// what it made of that. Not here: what players do, and what must be true of it.
const { EventEmitter } = require('events');
const fs = require('fs');
const vm = require('vm');
const WebSocket = require('ws');

const script = (name) => new vm.Script(fs.readFileSync(require.resolve(name), 'utf8'), { filename: name });
const PROTOBUF = script('pomelo-protobuf/lib/client/protobuf.js');
const PROTOCOL = script('pomelo-protocol/lib/protocol.js');
const CLIENT = script('pomelo-jsclient-websocket/lib/pomelo-client.js');

// How long an answer or a push may take. Longer than anything takes that works.
const PATIENCE_MS = 20000;

// Every push that a server of the game may send.
const PUSHES = ['onAddEntities', 'onRemoveEntities', 'onMove', 'onPathCheckout', 'onAttack', 'onUpgrade', 'onRevive', 'onPickItem',
  'onDropItems', 'onNPCTalk', 'onUpdateTaskData', 'onTaskCompleted', 'onUserLeave', 'onChat', 'onUpdateTeam', 'onTeammateLeaveTeam',
  'onDisbandTeam', 'onTeamCaptainStatusChange', 'onTeamMemberStatusChange', 'onInviteJoinTeam', 'onInviteJoinTeamReply',
  'onApplyJoinTeam', 'onApplyJoinTeamReply', 'onDragMember2gameCopy'];

// The head of a message, read by hand: the client does not tell it.
function message(bytes) {
  let at = 0;
  const flag = bytes[at++];
  const type = (flag >> 1) & 7;
  let id = 0;
  if (type === 0 || type === 2) {
    let shift = 0;
    do id += (bytes[at] & 127) << shift; while ((shift += 7, bytes[at++] >= 128));
  }
  if (type !== 2) at += flag & 1 ? 2 : 1 + bytes[at];
  return { type, id, compressed: (flag & 1) === 1, payload: bytes.subarray(at) };
}

// A page in a browser whose local storage is `storage`.
class Page {
  constructor(name, storage = {}) {
    Object.assign(this, { name, storage, frames: [], sent: [], history: [], waiting: [], sockets: 0, closed: 0 });
    const page = this;
    class Tapped extends WebSocket {
      constructor(url) {
        super(url);
        page.sockets += 1;
        // Before the client's own listeners.
        this.on('message', (data, binary) => page.frames.push({ binary, bytes: new Uint8Array(data) }));
        this.on('close', () => { page.closed += 1; page.wake(); });
      }

      send(data) {
        const bytes = Buffer.from(data);
        page.sent.push(bytes);
        super.send(bytes);
      }
    }
    const quiet = { log() {}, warn() {}, error() {} };
    const localStorage = { getItem: (key) => storage[key], setItem: (key, value) => { storage[key] = value; } };
    const scope = vm.createContext({ EventEmitter, WebSocket: Tapped, localStorage, console: quiet, setTimeout, clearTimeout });
    scope.window = scope;
    const load = (one) => {
      scope.module = { exports: {} };
      one.runInContext(scope);
      return scope.module.exports;
    };
    scope.protobuf = load(PROTOBUF);
    // The client asks for it by the name it has in the server's half.
    scope.protobuf.decodeStr = scope.protobuf.decode;
    load(PROTOCOL);
    this.pomelo = load(CLIENT);
    for (const route of PUSHES) this.pomelo.on(route, (body) => this.note(route, body));
    this.pomelo.on('onKick', (body) => this.note('onKick', body));
    this.pomelo.on('io-error', () => { throw new Error(`${name} could not connect`); });
  }

  note(route, body, asked) {
    this.history.push({ route, body, asked });
    this.wake();
  }

  wake() {
    for (const look of [...this.waiting]) look();
  }

  // Waits until `found` finds something.
  eventually(what, found) {
    return new Promise((done, failed) => {
      const end = () => { clearTimeout(timer); this.waiting = this.waiting.filter((one) => one !== look); };
      const look = () => {
        const one = found();
        if (one) { end(); done(one); }
      };
      const timer = setTimeout(() => {
        end();
        const last = JSON.stringify(this.history.slice(-12)).slice(0, 3000);
        failed(new Error(`${this.name} waits for ${what} in vain; last of all: ${last}`));
      }, PATIENCE_MS);
      this.waiting.push(look);
      look();
    });
  }

  // The first push of this route, from here on in the history, of which `is` holds.
  async hears(route, is = () => true, from = 0) {
    const of = (one) => one.route === route && one.asked === undefined && is(one.body);
    return (await this.eventually(route, () => this.history.slice(from).find(of))).body;
  }

  connect(host, port) {
    return Promise.race([
      new Promise((done) => this.pomelo.init({ host, port, log: false }, done)),
      this.late('a connection'),
    ]);
  }

  request(route, body) {
    const answered = new Promise((done) => this.pomelo.request(route, body, (answer) => {
      this.note(route, answer, body);
      done(answer);
    }));
    return Promise.race([answered, this.late(`an answer to ${route}`)]);
  }

  notify(route, body) {
    this.pomelo.notify(route, body);
  }

  late(what) {
    return new Promise((_, failed) => {
      setTimeout(() => failed(new Error(`${this.name} waits for ${what} in vain`)), PATIENCE_MS).unref();
    });
  }

  // The packages that came, of this type.
  packages(type) {
    return this.frames.map(({ bytes }) => bytes).filter((bytes) => bytes[0] === type).map((bytes) => bytes.subarray(4));
  }

  // What the server said in its handshakes, and what this page did.
  handshakes() {
    const json = (bytes) => JSON.parse(Buffer.from(bytes).toString());
    return {
      told: this.packages(1).map(json),
      said: this.sent.filter((bytes) => bytes[0] === 1).map((bytes) => json(bytes.subarray(4))),
    };
  }

  messages() {
    return this.packages(4).map(message);
  }

  requests() {
    return this.sent.filter((bytes) => bytes[0] === 4).map((bytes) => message(bytes.subarray(4)));
  }
}

module.exports = { Page };
