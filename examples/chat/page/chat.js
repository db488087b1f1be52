// The page's behaviour: ask the gate for a connector, enter a room there, then send and show what is said.
"use strict";

const $ = (id) => document.getElementById(id);
const ask = $("enter"), say = $("say"), log = $("log"), state = $("state");
let client = null, me = "", room = "";
const users = new Set();

function line(kind, text, who) {
  const li = document.createElement("li");
  li.className = kind;
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  li.append(time);
  if (who) { const b = document.createElement("b"); b.textContent = `${who}: `; li.append(b); }
  li.append(text);
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(li);
  while (log.children.length > 500) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function showUsers() {
  $("users").replaceChildren(...[...users].sort().map((u) => Object.assign(document.createElement("li"), { textContent: u === me ? `${u} (you)` : u })));
}

function show(text, open) { state.textContent = text; state.className = open ? "open" : ""; }

function push(route, body) {
  if (route === "onChat") line(body.from === me ? "mine" : "", body.msg, body.target === "*" ? body.from : `${body.from} to ${body.target}`);
  if (route === "onAdd") { users.add(body.user); showUsers(); line("note", `${body.user} came in`); }
  if (route === "onLeave") { users.delete(body.user); showUsers(); line("note", `${body.user} left`); }
}

async function enter() {
  show("connecting…", false);
  const gate = await Pomelo.connect(`ws://${location.host}/`);
  const at = await gate.request("gate.gateHandler.queryEntry", { uid: me });
  gate.close();
  if (at.code !== 200) throw new Error("the gate knows no connector at the moment");
  const connector = await Pomelo.connect(`ws://${at.host}:${at.port}/`);
  connector.onPush = push;
  connector.onClose = (why) => { show(why, false); line("note", why); client = null; again(); };
  const entered = await connector.request("connector.entryHandler.enter", { username: me, rid: room });
  if (entered.code !== 200) { connector.onClose = () => {}; connector.close(); throw Object.assign(new Error(`somebody called ${me} is in ${room} already`), { final: true }); }
  client = connector;
  users.clear();
  entered.users.forEach((u) => users.add(u));
  showUsers();
  show(`${me} in ${room}, by ${at.host}:${at.port}`, true);
  ask.hidden = true;
  say.hidden = false;
  say.elements.text.focus();
}

// A connector that dies takes its connections with it: come in again through the gate.
function again() { setTimeout(() => enter().catch((e) => { show(e.message, false); again(); }), 500 + Math.random() * 1000); }

ask.onsubmit = (e) => {
  e.preventDefault();
  me = ask.elements.name.value.trim();
  room = ask.elements.room.value.trim();
  enter().catch((e) => { show(e.message, false); line("note", e.message); });
};

say.onsubmit = (e) => {
  e.preventDefault();
  const text = say.elements.text.value.trim();
  if (!text || !client) return;
  say.elements.text.value = "";
  client.request("chat.chatHandler.send", { content: text, from: me, target: "*" })
    .then((r) => { if (r.code >= 400) line("note", `not sent (code ${r.code})`); })
    .catch((e) => line("note", `not sent: ${e.message}`));
};
