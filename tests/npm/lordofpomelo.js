'use strict';
// node lordofpomelo.js GATE_PORT WEB_SERVER VETERAN PASSWORD
// Plays LordOfPomelo as its first page did, with npm's client: a newcomer who registers, and a veteran who has a hero of level 6 next to
// harpies, with two items and a piece of equipment in its bag. What its servers must do for such a client has numbers; for each number
// that was looked at, the last line has what was claimed: {"7":["..."], ...}. The first claim that does not hold ends it with words.
const crypto = require('crypto');
const { Page } = require('./lordofpomelo-page.js');

const [gatePort, web, veteran, password] = process.argv.slice(2);
const claims = {};

function claim(item, what, holds, seen) {
  if (!holds) throw new Error(`item ${item}: ${what}: ${JSON.stringify(seen)?.slice(0, 2000)}`);
  const said = (claims[item] ??= []);
  if (!said.includes(what)) said.push(what);
}
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
const isNumber = (value) => Number.isInteger(value) && value > 0;

// As jQuery posts it.
async function post(path, fields) {
  const response = await fetch(`${web}${path}`, { method: 'POST', body: new URLSearchParams(fields) });
  claim(5, `${path} is answered as JSON`, /^application\/json\b/.test(response.headers.get('content-type')), response.headers.get('content-type'));
  claim(5, `${path} is answered with status 200`, response.status === 200, response.status);
  return response.json();
}

async function account(path, fields) {
  const answer = await post(path, fields);
  claim(18, `${path}: the uid is an integer`, answer.code === 200 && isNumber(answer.uid) && typeof answer.token === 'string', answer);
  return answer;
}

// By way of the gate, as the page does it, and in with the token.
async function enter(page, { uid, token }) {
  await page.connect('127.0.0.1', Number(gatePort));
  const at = await page.request('gate.gateHandler.queryEntry', { uid });
  claim(6, `a uid as ${typeof uid}`, at.code === 200 && isNumber(at.port), at);
  page.pomelo.disconnect();
  await page.connect(at.host, at.port);
  return page.request('connector.entryHandler.entry', { token });
}

const TABLES = ['fightskill', 'equipment', 'item', 'character', 'npc', 'animation', 'effect'];
const POSES = ['LeftUp', 'RightUp', 'LeftDown', 'RightDown'].flatMap((dir) => ['Stand', 'Walk', 'Attack', 'Dead'].map((act) => dir + act));

async function load(page, asked) {
  const area = await page.request('area.resourceHandler.loadAreaResource', {});
  const { data, version } = await page.request('area.resourceHandler.loadResource', asked);
  claim(9, 'all tables come, each with a version', TABLES.every((name) => data[name] && isNumber(version[name])), [Object.keys(data), version]);
  const kinds = [...area.players, ...area.mobs];
  claim(9, 'a character for each kind in the area', kinds.length > 0 && kinds.every((kind) => data.character[kind]), area);
  claim(9, 'an NPC for each kind in the area', area.npcs.length > 0 && area.npcs.every((kind) => data.npc[kind]), area);
  const poses = (kind) => POSES.every((pose) => {
    const sheet = data.animation[kind]?.[pose];
    return sheet && isNumber(sheet.width) && isNumber(sheet.height) && isNumber(sheet.totalFrame);
  });
  claim(8, '16 animations of each character', Object.keys(data.character).every(poses), Object.keys(data.animation));
  const effects = new Map(Object.entries(data.effect).map(([name, effect]) => [effect.id, effect.className === name && effect]));
  const skills = Object.values(data.fightskill).filter(({ id }) => id > 1);
  claim(8, 'an effect for each skill but the first', skills.length > 0 && skills.every(({ id }) => effects.get(id)), data.effect);
  page.tables = data;
  page.versions = version;
  return area;
}

async function scene(page, asked) {
  const told = await page.request('area.playerHandler.enterScene', asked);
  const { curPlayer, map } = told;
  claim(3, 'its protobuf reads the scene', curPlayer && isNumber(curPlayer.entityId) && map, Object.keys(told));
  claim(3, 'the map has as many columns as tiles', map.weightMap.length === Math.ceil(map.width / map.tileW), map.weightMap.length);
  claim(3, 'a double is read', curPlayer.attackSpeed > 0 && curPlayer.attackSpeed < 10, curPlayer.attackSpeed);
  claim(7, 'there are skills, with the first one', curPlayer.fightSkills?.some(({ id, level }) => id === 1 && level >= 1), curPlayer.fightSkills);
  claim(10, 'the own type is player', curPlayer.type === 'player', curPlayer.type);
  claim(11, 'one is not among the others', !told.entities?.player?.some(({ id }) => id === curPlayer.id), told.entities);
  page.own = curPlayer;
  page.notify('area.playerHandler.changeView', { width: 1280, height: 720 });
  return told;
}

// What a page makes of all it was told, in order, as the first page did.
function replay(page) {
  const known = new Map();
  const slain = new Set();
  const add = (lists) => {
    for (const [sort, all] of Object.entries(lists ?? {})) {
      for (const one of all) {
        known.set(one.entityId, sort);
        const table = { mob: 'character', player: 'character' }[sort] ?? sort;
        claim(9, `a row for the kind of each ${sort} in sight`, page.tables[table]?.[one.kindId], one);
      }
    }
  };
  const knows = (route, ...ids) => ids.forEach((id) => {
    claim(route === 'onRevive' ? 12 : 11, `${route} is of entities it knows`, known.has(id) || slain.has(id), [page.name, id]);
  });
  for (const { route, body } of page.history) {
    switch (route) {
      case 'area.playerHandler.enterScene':
        if (!body.curPlayer) break;
        known.clear();
        slain.clear();
        known.set(body.curPlayer.entityId, 'player');
        add(body.entities);
        break;
      case 'onAddEntities': add(body); break;
      case 'onRemoveEntities':
        for (const id of body.entities) {
          claim(13, 'nobody who sees a mob killed is told that it goes', !slain.has(id), [page.name, id]);
          known.delete(id);
        }
        break;
      case 'onMove': case 'onPathCheckout': case 'onRevive': knows(route, body.entityId); break;
      case 'onAttack':
        knows(route, body.attacker, body.target);
        if (body.result.result === 2 && known.get(body.target) === 'mob') {
          known.delete(body.target);
          slain.add(body.target);
        }
        for (const one of body.result.items ?? []) add({ [one.type]: [one] });
        break;
      case 'onPickItem':
        knows(route, body.player, body.item);
        claim(19, 'what is picked up goes to a slot of the bag', body.index >= 1 && body.index <= 20, body);
        known.delete(body.item);
        break;
      default:
    }
  }
}

// What must be true of the wire of every page.
function wire(page) {
  const whole = ({ binary, bytes }) => binary && bytes.length === 4 + ((bytes[1] << 16) | (bytes[2] << 8) | bytes[3]);
  claim(1, 'each WebSocket message is one package', page.frames.length > 5 && page.frames.every(whole), page.frames.find((one) => !whole(one)));
  const messages = page.messages();
  const answers = messages.filter(({ type }) => type === 2).map(({ id }) => id);
  const asked = page.requests().filter(({ type }) => type === 0).map(({ id }) => id);
  claim(4, 'each request is answered once', same([...answers].sort((a, b) => a - b), asked), { asked, answers });
  const heard = page.history.filter((one) => one.asked === undefined && one.route !== 'onKick').length;
  claim(3, 'it reads every push', messages.filter(({ type }) => type === 3).length === heard, heard);
  const wide = messages.filter(({ payload }) => payload[0] === 0x7b && payload.some((byte) => byte >= 0xf0));
  claim(15, 'JSON has no characters outside the basic plane', wide.length === 0, wide.map(({ payload }) => Buffer.from(payload).toString()));
  const text = JSON.stringify(page.history.filter((one) => one.asked === undefined));
  claim(15, 'no push has surrogates', !/[\ud800-\udfff]/.test(text), text.match(/.{40}[\ud800-\udfff].{40}/)?.[0]);
}

function schema(page, isTold) {
  const { told, said } = page.handshakes();
  claim(2, 'an unknown version is answered with the schema', same(told.map(({ sys }) => !!sys.protos), isTold), isTold);
  const { client, server, version } = JSON.parse(page.storage.protos);
  const last = said[said.length - 1].sys.protoVersion;
  claim(2, 'with the version of what it keeps it is told none', last === version, [last, version]);
  const hash = crypto.createHash('md5').update(JSON.stringify(client) + JSON.stringify(server)).digest('base64');
  claim(2, 'the version is a hash of the schema', hash === version, [hash, version]);
  const dict = told[told.length - 1].sys.dict;
  claim(2, 'the connector tells the dictionary', isNumber(dict?.['area.playerHandler.move']) && isNumber(dict?.onMove), dict);
}

(async () => {
  const a = new Page('the newcomer');
  // What it kept is of another schema.
  const b = new Page('the veteran', { protos: JSON.stringify({ client: {}, server: {}, version: 'of last year' }) });

  // Accounts and heroes.
  const name = 'Newcomer';
  const registered = await account('/register', { name, password: 'a secret' });
  claim(5, 'a taken name is 501', (await post('/register', { name, password: 'b' })).code === 501);
  claim(5, 'a wrong password is 501', (await post('/login', { username: name, password: 'b' })).code === 501);
  claim(5, 'no such account is 500', (await post('/login', { username: 'Nobody', password: 'b' })).code === 500);
  const nobody = await enter(a, registered);
  claim(16, 'an account without a hero has no player', nobody.code === 200 && !nobody.player, nobody);
  const wide = await a.request('connector.roleHandler.createPlayer', { name: 'Wide \u{1f600}', roleId: 210 });
  claim(15, 'no hero has such a character in its name', wide.code === 500, wide);
  const made = await a.request('connector.roleHandler.createPlayer', { name: '新来的', roleId: '210', colour: 'red' });
  claim(6, 'a role as a string, and a field nobody knows', made.code === 200, made);
  claim(16, 'a new hero has an id and an area', isNumber(made.player?.id) && made.player.areaId === 1 && isNumber(made.user?.id), made);
  claim(15, 'names in three bytes come back whole', made.player.name === '新来的', made.player.name);
  await load(a, {});
  const again = await a.request('area.resourceHandler.loadResource', { version: a.versions });
  claim(6, 'tables that it has are not sent again', Object.keys(again.data).length === 0, Object.keys(again.data));
  const first = await scene(a, {});
  claim(3, 'its own name is read', first.curPlayer.name === '新来的', first.curPlayer.name);

  const known = await account('/login', { username: veteran, password });
  const entered = await enter(b, { uid: String(known.uid), token: known.token });
  claim(16, 'the player of entry has an id and an area', isNumber(entered.player?.id) && entered.player.areaId === 1, entered);
  await load(b, { version: {} });
  const me = (await scene(b, { uid: known.uid, playerId: entered.player.id, areaId: 1 })).curPlayer;
  const slots = me.bag.items.map(({ key }) => key);
  claim(19, 'the bag has keys from 1 to 20', me.bag.itemCount === 20 && same(slots, [1, 2, 3]), me.bag);

  // They see each other; a way, and the time.
  const seen = await a.hears('onAddEntities', ({ player }) => player?.some(({ entityId }) => entityId === me.entityId));
  claim(11, 'the other comes with its name', seen.player.some(({ name: of }) => of === veteran), seen);
  const { x, y } = a.own;
  const path = [{ x, y }, { x: x < 409 ? x + 40.5 : x - 40.5, y: y + 0.25 }];
  const moved = await a.request('area.playerHandler.move', { path, speed: 'fast', nobody: { knows: [1] } });
  claim(6, 'a way with fractions, and fields nobody knows', moved.code === 200, moved);
  const step = await b.hears('onMove', ({ entityId }) => entityId === a.own.entityId);
  claim(3, 'a way is read', same(step.path, path.map((at) => ({ x: Math.floor(at.x), y: Math.floor(at.y) }))) && step.speed === 240, step);
  const time = await a.request('connector.timeSyncHandler.timeSync', { clientTime: Date.now() });
  claim(4, 'the time is answered', time.code === 200, time);

  // Numbers as strings.
  const eaten = await b.request('area.playerHandler.useItem', { index: '2' });
  claim(6, 'index of useItem', eaten.code === 200 && eaten.status === true, eaten);
  const dropped = await b.request('area.playerHandler.dropItem', { index: '1' });
  claim(6, 'index of dropItem', dropped.status === true, dropped);
  const worn = await b.request('area.equipHandler.equip', { index: '3', id: 1 });
  claim(6, 'index of equip', worn.status === true && worn.bagIndex === -1, worn);
  const learnt = await b.request('area.playerHandler.learnSkill', { skillId: '2' });
  claim(6, 'skillId of learnSkill', learnt.status === true && learnt.skill.id === 2, learnt);
  const raised = await b.request('area.playerHandler.upgradeSkill', { skillId: '1' });
  claim(6, 'skillId of upgradeSkill', raised.status === true, raised);
  const next = await b.request('area.taskHandler.getNewTask', { playerId: me.id });
  const task = await b.request('area.taskHandler.startTask', { areaId: '1', playerId: String(me.id), taskId: String(next.task.id) });
  claim(6, 'taskId of startTask', task.code === 200 && isNumber(task.taskData.id), task);

  // Chat.
  const say = (page, scope, content, more = {}) => page.request('chat.chatHandler.send', { from: 'me', scope, content, areaId: 1, toName: '', ...more });
  for (const [scope, content] of [['D41313', 'to all, 大家好'], ['F7A900', 'to the area']]) {
    claim(20, `scope ${scope}`, (await say(a, scope, content)).code === 200, scope);
    for (const page of [a, b]) await page.hears('onChat', (said) => said.scope === scope && said.content === content);
  }
  claim(20, 'scope 279106', (await say(a, '279106', 'a secret', { toName: veteran })).code === 200);
  await b.hears('onChat', ({ scope, content }) => scope === '279106' && content === 'a secret');
  claim(20, 'scope 279106 to nobody', (await say(a, '279106', 'hm', { toName: 'Nobody' })).code === 3004);
  claim(20, 'scope 0897f7 without a team', (await say(a, '0897f7', 'we')).code === 500);
  claim(20, 'scopes are case-sensitive', (await say(b, 'd41313', 'no')).code === 500);
  b.notify('area.teamHandler.createTeam', {});
  const team = await b.hears('onUpdateTeam', (all) => all[me.id]?.teamId > 0);
  claim(20, 'scope 0897f7', (await say(b, '0897f7', 'alone', { teamId: team[me.id].teamId })).code === 200);
  await b.hears('onChat', ({ scope, content }) => scope === '0897f7' && content === 'alone');
  // The client writes it as two characters of three bytes each, which no UTF-8 has.
  const smile = await say(b, 'D41313', 'smile \u{1f600}!');
  claim(15, 'what its own writing breaks is said all the same', smile.code === 200, smile);
  await a.hears('onChat', ({ content }) => /^smile \ufffd+!$/.test(content));

  // Kills harpies until one leaves something.
  const prey = () => {
    const dead = new Set(b.history.filter((one) => one.route === 'onAttack' && one.body.result.result === 2).map((one) => one.body.target));
    const lists = b.history.map(({ route, body }) => (route === 'onAddEntities' ? body : route.endsWith('enterScene') ? body.entities : undefined));
    return lists.flatMap((all) => all?.mob ?? []).find((mob) => mob.kindId === 202 && mob.level === 1 && !dead.has(mob.entityId));
  };
  let thing;
  while (!thing) {
    const mob = await b.eventually('a harpy', prey);
    const before = b.sent.length;
    const answer = await b.request('area.fightHandler.attack', { targetId: mob.entityId });
    const { payload } = b.requests().at(-1);
    claim(3, 'its encoder writes tag 1 as 0x0A', b.sent.length === before + 1 && payload[0] === 0x0a, [...payload]);
    claim(3, 'the attack is answered with nothing', same(answer, {}), answer);
    const killed = ({ attacker, target, result }) => attacker === me.entityId && target === mob.entityId && result.result === 2;
    const kill = await b.hears('onAttack', killed);
    claim(3, 'wire bits do not count: the attack is carried out', kill.skillId === 1 && kill.result.damage > 0 && kill.exp >= 0, kill);
    await a.hears('onAttack', killed);
    thing = kill.result.items?.[0];
  }
  await b.hears('onUpdateTaskData', (all) => all[task.taskData.id]?.mobKilled > 0);
  const pick = await b.request('area.playerHandler.pickItem', { areaId: 1, playerId: me.id, targetId: String(thing.entityId) });
  claim(6, 'targetId of pickItem', same(pick, {}), pick);
  for (const page of [a, b]) {
    const picked = await page.hears('onPickItem', ({ item }) => item === thing.entityId);
    claim(19, 'it goes to the lowest free slot', picked.player === me.entityId && picked.index === 1, picked);
  }

  // Kills the newcomer, who comes back.
  await b.request('area.fightHandler.attack', { targetId: a.own.entityId });
  await b.hears('onAttack', ({ target }) => target === a.own.entityId);
  b.notify('area.fightHandler.useSkill', { skillId: '2', playerId: 0 });
  for (const page of [a, b]) {
    const lunge = await page.hears('onAttack', ({ attacker, skillId }) => attacker === me.entityId && skillId === 2);
    claim(6, 'skillId of useSkill', lunge.result.mpUse === 5, lunge);
    const death = await page.hears('onAttack', ({ target, result }) => target === a.own.entityId && result.result === 2);
    claim(12, 'a death says when one comes back', death.reviveTime === 5000, death);
  }
  const dead = await a.request('area.playerHandler.enterScene', {});
  claim(3, 'a refusal of the scene is read', dead.code === 500 && !dead.curPlayer, dead);

  // Meanwhile the veteran talks to an NPC and goes with it.
  const npcs = [...b.history].flatMap(({ route, body }) => (route === 'onAddEntities' ? body.npc : body?.entities?.npc) ?? []);
  const guide = npcs.find(({ kindId }) => kindId === 301);
  b.notify('area.playerHandler.npcTalk', { areaId: 1, playerId: me.id, targetId: String(guide.entityId) });
  const talk = await b.hears('onNPCTalk');
  claim(14, 'an NPC has words', talk.npcword.length > 0 && talk.npc === guide.entityId, talk);
  claim(14, 'its action is read', talk.action === 'changeArea' && talk.params.target === 2, talk);
  const back = await a.hears('onRevive', ({ entityId }) => entityId === a.own.entityId);
  claim(12, 'one comes back with half of its hit points', back.hp === Math.floor(a.own.maxHp / 2), back);
  const travel = { uid: known.uid, playerId: me.id, areaId: 1, target: '2', triggerByPlayer: 1 };
  const gone = await b.request('area.playerHandler.changeArea', travel);
  claim(6, 'target of changeArea', gone.success === true, gone);
  const oasis = await load(b, {});
  claim(9, 'the area one travels to', oasis.mapName === 'oasis', oasis);
  const arrived = await scene(b, { uid: known.uid, playerId: me.id, areaId: 2 });
  claim(3, 'another scene is read', arrived.curPlayer.areaId === 2 && arrived.map.width === 6000, arrived.map.width);
  claim(19, 'what was picked up is in the bag', same(arrived.curPlayer.bag.items.map(({ key }) => key), [1]), arrived.curPlayer.bag);

  // The newcomer signs in at another page of the same browser.
  const c = new Page('the newcomer again', a.storage);
  const left = a.closed;
  const answer = await enter(c, await account('/login', { username: name, password: 'a secret' }));
  claim(16, 'the hero is there again', answer.player?.id === made.player.id, answer);
  const kick = await a.hears('onKick');
  claim(17, 'the first page is kicked by a package of type 5, once', a.packages(5).length === 1 && typeof kick.reason === 'string', kick);
  await a.eventually('the end of its connection', () => a.closed > left);
  await load(c, {});
  const view = await scene(c, {});
  claim(17, 'the second page plays on', view.curPlayer.id === made.player.id && view.curPlayer.name === '新来的', view.curPlayer);
  const way = [{ x: view.curPlayer.x, y: view.curPlayer.y }, { x: view.curPlayer.x, y: view.curPlayer.y + 1 }];
  claim(17, 'the second page walks', (await c.request('area.playerHandler.move', { path: way })).code === 200, way);

  for (const page of [a, b, c]) {
    wire(page);
    replay(page);
  }
  schema(a, [true, false]);
  schema(b, [true, false]);
  schema(c, [false, false]);
  console.log(JSON.stringify(claims));
  process.exit(0);
})().catch((error) => {
  console.error(error.stack);
  process.exit(1);
});
