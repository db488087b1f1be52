// The messages of this game's servers and clients, written by `pomelo types` from the route table.
// Not to be edited: change the types in Rust and write it again.

/** Always -1. */
export interface Added {
  bagIndex: number;
}

/** `{}`, or a code if it was not possible. */
export interface Answer {
  code?: number | null;
}

/** To whose team. */
export interface Apply {
  captainId: number;
  teamId: number;
}

/** The answer to `onApplyJoinTeam`. */
export interface ApplyReply {
  teamId: number;
  applicantId: number;
  reply: number;
}

/** Whether it worked; then resources are loaded and the scene is entered anew. */
export interface AreaChanged {
  areaId?: number | null;
  target?: number | null;
  success: boolean;
}

/** The kinds to load, as text. */
export interface AreaResource {
  players: string[];
  mobs: string[];
  npcs: string[];
  items: string[];
  equipments: string[];
  mapName: string;
}

/** A blow that hit. */
export interface Attack {
  /** Who struck. */
  attacker: number;
  /** Who was hit. */
  target: number;
  /** What it did. */
  result: AttackResult;
  /** With which skill. */
  skillId: number;
  /** The killer's experience within its level, after it killed a monster. */
  exp?: number | null;
  /** When the killed player comes back, in milliseconds. */
  reviveTime?: number | null;
}

/** What a blow did. */
export interface AttackResult {
  /** 1 hit, 2 killed. */
  result: number;
  /** Hit points it took. */
  damage: number;
  /** Mana it cost. */
  mpUse: number;
  /** What fell, as far as the receiver sees it. */
  items?: ThingView[];
}

/** A bag. */
export interface Bag {
  /** How many slots it has. */
  itemCount: number;
  /** Those that are not empty. */
  items?: BagItem[];
}

/** A slot of a bag. */
export interface BagItem {
  /** The slot, from 1. */
  key: number;
  /** The kind. */
  id: number;
  /** Of which table. */
  type: Sort;
}

/** Where to. */
export interface ChangeArea {
  /** The area. */
  target: number;
}

/** The size of the client's view. */
export interface ChangeView {
  width: number;
  height: number;
}

/** A kind of player or mob. */
export interface Character {
  /** The kind: 210 and 211 are the heroes, the others mobs. */
  id: number;
  /** As shown. */
  name: string;
  /** As shown to those who read English. */
  englishName: string;
  /** Of a new hero; a mob's level is its zone's. */
  level: number;
  /** Hit points at level 1. */
  hp: number;
  /** Mana at level 1. */
  mp: number;
  /** Attack at level 1. */
  attackValue: number;
  /** Defence at level 1. */
  defenceValue: number;
  /** Carried along, without effect. */
  hitRate: number;
  /** Carried along, without effect. */
  dodgeRate: number;
  /** Attacks a second. */
  attackSpeed: number;
  /** Pixels a second. */
  walkSpeed: number;
  /** Growth a level, as a share of the values at level 1. */
  upgradeParam: number;
  /** What a kill is worth, before levels are compared. */
  baseExp: number;
}

/** An answer that is only a code. */
export interface Code {
  /** 200, or what went wrong. */
  code: number;
}

/** How rare a piece of equipment is; informative. */
export type Color = "white" | "blue" | "green" | "yellow" | "red" | "purple";

/** The blocked runs of a column of tiles, from the top. */
export interface Column {
  collisions?: Run[];
}

/** A hero to be made. */
export interface CreatePlayer {
  /** 1 to 16 letters, digits, blanks, `_` or `-`; nobody else's. */
  name: string;
  /** The character: 210 or 211. */
  roleId: number;
}

/** The hero that was made. */
export interface Created {
  /** 200; 500 if the name is taken or not allowed, or there is a hero already. */
  code: number;
  /** The account. */
  user?: User | null;
  /** The hero; its entity is 0, for it is in no area yet. */
  player?: Upgraded | null;
  /** Why not, in words. */
  message?: string | null;
}

/** A player as it sees itself. */
export interface CurPlayer {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
  level: number;
  walkSpeed: number;
  hp: number;
  maxHp: number;
  mp: number;
  maxMp: number;
  id: PlayerId;
  name: string;
  teamId: number;
  isCaptain: number;
  kindName: string;
  areaId: number;
  experience: number;
  attackValue: number;
  defenceValue: number;
  attackSpeed: number;
  hitRate: number;
  dodgeRate: number;
  nextLevelExp: number;
  skillPoint: number;
  /** `player`. */
  type: string;
  /** What it carries. */
  bag: Bag;
  /** What it wears: kinds of equipment, 0 for nothing. */
  equipments: Worn;
  /** What it can do, never empty. */
  fightSkills: SkillLevel[];
  /** Its open tasks. */
  curTasks?: CurTask[];
}

/** An open task. Data and condition are JSON as text here, as the definitions of the original have them. */
export interface CurTask {
  acceptTalk: string;
  workTalk: string;
  finishTalk: string;
  item: string;
  name: string;
  /** As taken. */
  id: TaskId;
  exp: number;
  /** 0 kills of monsters, 1 of players. */
  type: number;
  taskState: number;
  taskData: string;
  completeCondition: string;
}

/** Where the team goes. */
export interface Drag {
  teamId: TeamId;
  target: number;
}

/** What fell. */
export interface Dropped {
  dropItems: DroppedThing[];
}

/** A piece of equipment on the ground, with the columns of its row. */
export interface DroppedThing {
  entityId: number;
  kindId: number;
  /** `equipment`. */
  type: string;
  x: number;
  y: number;
  playerId: PlayerId;
  name: string;
  englishName: string;
  kind: Place;
  attackValue: number;
  defenceValue: number;
  price: number;
  color: Color;
  heroLevel: number;
  imgId: number;
}

/** A picture sequence of a skill. Its `id` is the skill's: clients look it up by that. */
export interface Effect {
  /** The skill's id. */
  id: number;
  /** Name of the picture. */
  className: string;
  /** Of one frame, in pixels. */
  width: number;
  /** Of one frame, in pixels. */
  height: number;
  /** How many frames. */
  totalFrames: number;
}

/** Who came in. */
export interface Entered {
  /** 200; 500 without a token, or a second time; 1001, 1002, 1003 for what is wrong with the token. */
  code: number;
  /** The account's hero; none if it has to be made first. */
  player: PlayerRow | null;
}

/** Where to connect. */
export interface Entry {
  /** 200; 500 without a uid; 2001 if there is no connector. */
  code: number;
  /** Name or address; the page's own host is meant by 127.0.0.1. */
  host?: string | null;
  /** The client port. */
  port?: number | null;
}

/** A thing to be worn. */
export interface Equipment {
  /** The kind of equipment. */
  id: number;
  /** As shown. */
  name: string;
  /** As shown to those who read English. */
  englishName: string;
  /** What it is, as shown. */
  desc: string;
  /** Where it is worn. */
  kind: Place;
  /** Added to the wearer's attack. */
  attackValue: number;
  /** Added to the wearer's defence. */
  defenceValue: number;
  /** Informative: there are no shops. */
  price: number;
  /** How rare it is said to be. */
  color: Color;
  /** The level that finds and wears it. */
  heroLevel: number;
  /** The icon. */
  imgId: number;
}

/** A skill. */
export interface FightSkill {
  /** 1 is the blow that everybody can. */
  id: number;
  /** The level that learns it. */
  playerLevel: number;
  /** As shown. */
  name: string;
  /** What it does, as shown. */
  desc: string;
  /** What it is said to be. */
  type: SkillKind;
  /** Added to `attack_param` for each level of the skill above the first. */
  upgradeParam: number;
  /** Levels of the player for one level of the skill. */
  upgradePlayerLevel: number;
  /** Seconds until it can be used again. */
  cooltime: number;
  /** Mana that it costs. */
  mp: number;
  /** Factor on the damage. */
  attackParam: number;
  /** Carried along, without effect. */
  hitParam: number;
  /** How far it reaches, in pixels. */
  distance: number;
  /** The icon. */
  imageUrl: number;
  /** Class name of the [`Effect`] it shows; empty for none. */
  effect: string;
}

/** A picture sequence: frame size in pixels, number of frames. */
export interface Frames {
  width: number;
  height: number;
  totalFrame: number;
}

/** The tasks that were handed over, as taken. */
export interface HandedOver {
  code: number;
  ids: TaskId[];
}

/** All tasks that were ever taken. */
export interface History {
  code: number;
  /** `onGetHistoryTasks`. */
  route: string;
  reTasks: HistoryTask[];
}

/** One of them. */
export interface HistoryTask {
  acceptTalk: string;
  item: string;
  name: string;
  id: TaskId;
  exp: number;
  taskData: TaskData;
  taskState: number;
}

/** Hit points and mana that came back by themselves. */
export interface HpMp {
  entityId: number;
  hp: number;
  mp: number;
}

/** A player of the same area is asked in. */
export interface Invite {
  inviteeId: number;
  teamId: number;
}

/** The answer to `onInviteJoinTeam`. */
export interface InviteReply {
  teamId: number;
  captainId: number;
  reply: number;
}

/** A thing to be used up. */
export interface Item {
  /** The kind of item. */
  id: number;
  /** As shown. */
  name: string;
  /** As shown to those who read English. */
  englishName: string;
  /** What it is, as shown. */
  desc: string;
  /** What it is, as shown to those who read English. */
  englishDesc: string;
  /** What sort of thing it is. */
  kind: ItemKind;
  /** Hit points that it gives. */
  hp: number;
  /** Mana that it gives. */
  mp: number;
  /** Informative: there are no shops. */
  price: number;
  /** The level that finds and uses it. */
  heroLevel: number;
  /** The icon. */
  imgId: number;
}

/** What sort of thing an item is. */
export type ItemKind = "food" | "medicine";

/** Who goes. */
export interface KickOut {
  teamId: number;
  kickedPlayerId: number;
}

/** Whether a skill was learnt. */
export interface Learnt {
  status: boolean;
  skill?: LearntSkill | null;
}

/** The skill that was learnt. Clients take either id for the skill's. */
export interface LearntSkill {
  id: number;
  skillId: number;
  level: number;
  /** `attack`. */
  type: string;
  playerId: PlayerId;
}

/** Versions of tables by name, as the client remembers them. */
export interface LoadResource {
  /** Numbers that change with a table's content. */
  version?: Record<string, unknown>;
}

/** What team mates see of a member. */
export interface MemberData {
  name: string;
  kindId: number;
  hp: number;
  mp: number;
  maxHp: number;
  maxMp: number;
  level: number;
  teamId: TeamId;
  isCaptain: number;
  instanceId: string;
}

/** A monster. */
export interface MobView {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
  level: number;
  walkSpeed: number;
  hp: number;
  maxHp: number;
}

/** Somebody walks. */
export interface Move {
  entityId: number;
  path: Spot[];
  speed: number;
}

/** Where a piece of equipment went. */
export interface Moved {
  /** Whether it worked. */
  status: boolean;
  /** The slot that something was put into, -1 for none. */
  bagIndex: number;
}

/** The task that is open, or the next one; none if all are done. */
export interface NewTask {
  code: number;
  task?: TaskRow | null;
}

/** An answer that says nothing: `{}`. */
export type Nothing = Record<string, never>;

/** A kind of NPC. */
export interface Npc {
  /** The kind. */
  id: number;
  /** As shown. */
  name: string;
  /** As shown to those who read English. */
  englishName: string;
  /** 1 = offers travel, 0 = talks. Informative. */
  kindType: number;
}

/** An NPC. */
export interface NpcView {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
}

/** A skill. */
export interface OfSkill {
  skillId: number;
}

/** The own team. */
export interface OfTeam {
  teamId: number;
}

/** Where the player's entity is. */
export interface PathCheckout {
  entityId: number;
  position: Spot;
}

/** Something was picked up. */
export interface PickItem {
  player: number;
  item: number;
  index: number;
}

/** Where a piece of equipment is worn. */
export type Place = "Weapon" | "Armor" | "Helmet" | "Necklace" | "Ring" | "Belt" | "Shoes" | "Legguard" | "Amulet";

/** A player. */
export interface Player {
  playerId: PlayerId;
}

/** A player as stored; the same for life. */
export type PlayerId = number;

/** A hero as it is stored, without what it carries. */
export interface PlayerRow {
  id: number;
  userId: number;
  kindId: number;
  kindName: string;
  name: string;
  country: number;
  rank: number;
  level: number;
  experience: number;
  attackValue: number;
  defenceValue: number;
  hitRate: number;
  dodgeRate: number;
  walkSpeed: number;
  attackSpeed: number;
  hp: number;
  mp: number;
  maxHp: number;
  maxMp: number;
  areaId: number;
  x: number;
  y: number;
  skillPoint: number;
}

/** A player as others see it. */
export interface PlayerView {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
  level: number;
  walkSpeed: number;
  hp: number;
  maxHp: number;
  mp: number;
  maxMp: number;
  id: PlayerId;
  name: string;
  teamId: number;
  isCaptain: number;
}

/** A place on a map, in pixels from its upper left corner. */
export interface Point {
  /** To the right. */
  x: number;
  /** Downwards. */
  y: number;
}

/** Who asks. */
export interface QueryEntry {
  /** The account. */
  uid?: number;
}

/** What is out of sight. */
export interface Removed {
  entities: number[];
}

/** Why nothing came of it: 0 refused, else a join code below 0. */
export interface Reply {
  reply: number;
}

/** The tables that changed, and the versions of all. */
export interface Resource {
  /** What the client lacks. */
  data: Tables;
  /** To be remembered. */
  version: Record<string, number>;
}

/** A dead player is back. */
export interface Revive {
  entityId: number;
  x: number;
  y: number;
  hp: number;
}

/** Blocked tiles below each other in one column, as clients are told. */
export interface Run {
  /** Row of the first. */
  start: number;
  /** How many. */
  length: number;
}

/** What somebody said. Names and content have `<`, `>`, `&` and quotes as entities, for clients that write HTML. */
export interface Said {
  playerId: PlayerId;
  uid: number;
  content: string;
  scope: Scope;
  kind: number;
  from: string;
}

/** What is said. Who says it, and in which area, the session knows. */
export interface Say {
  /** To whom. */
  scope: Scope;
  /** At most 200 characters count. */
  content: string;
  /** The player's name, if private. */
  toName?: string;
  /** The own team, if it is for the team; the manager looks whether it is. */
  teamId?: number;
}

/** The answer of `enterScene`. With another code than 200 there is nothing else. */
export interface Scene {
  /** Everything in sight, without the player. */
  entities?: Views | null;
  /** The player. */
  curPlayer?: CurPlayer | null;
  /** Where it is. */
  map?: SceneMap | null;
  /** 200 or 500. */
  code: number;
}

/** What can be walked on. */
export interface SceneMap {
  /** Of the area. */
  name: string;
  /** In pixels. */
  width: number;
  /** In pixels. */
  height: number;
  /** Of a tile, in pixels. */
  tileW: number;
  /** Of a tile, in pixels. */
  tileH: number;
  /** For each column of tiles what is blocked. */
  weightMap: Column[];
}

/** To whom something is said. On the wire the colours in which the original shows it. */
export type Scope = "D41313" | "F7A900" | "279106" | "0897f7";

/** The server's clock. */
export interface ServerTime {
  /** 200. */
  code: number;
  /** Milliseconds since 1970. */
  serverTime: number;
}

/** A player in a question about teams. */
export interface Short {
  id: PlayerId;
  name: string;
  level: number;
  teamId: TeamId;
}

/** The token of the web server. */
export interface SignIn {
  /** As `/login` and `/register` answered it. */
  token?: string;
}

/** What a skill is said to be. All of them hit like plain attacks unless buffs are switched on. */
export type SkillKind = "attack" | "attackBuff" | "buff" | "passive";

/** A skill of the player. */
export interface SkillLevel {
  id: number;
  level: number;
}

/** A slot of the bag. */
export interface Slot {
  /** From 1. */
  index: number;
}

/** What a thing is good for. */
export type Sort = "item" | "equipment";

/** A point in whole pixels. */
export interface Spot {
  x: number;
  y: number;
}

/** Which task. */
export interface StartTask {
  /** Of the table. */
  taskId: number;
}

/** The task that was taken. */
export interface Started {
  code: number;
  taskData?: StartedTask | null;
  /** Why not, in words. */
  message?: string | null;
}

/** A task that was taken. */
export interface StartedTask {
  /** As taken; what all later messages name. */
  id: TaskId;
  type: number;
  name: string;
  acceptTalk: string;
  workTalk: string;
  finishTalk: string;
  item: string;
  exp: number;
  taskData: TaskData;
  taskState: number;
  completeCondition: Record<string, number>;
}

/** Whether it worked. */
export interface Status {
  status: boolean;
}

/** Tables by id; those that the client has are left out. */
export interface Tables {
  fightskill?: Record<string, FightSkill> | null;
  equipment?: Record<string, Equipment> | null;
  item?: Record<string, Item> | null;
  character?: Record<string, Character> | null;
  npc?: Record<string, Npc> | null;
  /** By kind of character, then by direction and act: `LeftUpStand`. */
  animation?: Record<string, Record<string, Frames>> | null;
  /** By class name. */
  effect?: Record<string, Effect> | null;
}

/** What an NPC says. */
export interface Talk {
  /** The NPC. */
  npc: number;
  /** Its words, never empty. */
  npcword: string;
  /** What the player answers; may be empty. */
  myword: string;
  /** The player. */
  player: number;
  /** The NPC's kind. */
  kindId: number;
  /** `changeArea`, if the NPC takes the player elsewhere. */
  action?: string | null;
  /** Where to. */
  params?: TalkParams | null;
}

/** Where an NPC takes the player. */
export interface TalkParams {
  target: number;
}

/** Something in the area. */
export interface Target {
  /** Its entity. */
  targetId?: number;
}

/** Which task, as taken. */
export interface TaskCompleted {
  taskId: TaskId;
}

/** What has been done for a task. As JSON `{"mobKilled":0,"playerKilled":0}`. */
export interface TaskData {
  /** Monsters of the task's kind. */
  mobKilled: number;
  /** Players of at least the own level. */
  playerKilled: number;
}

/** A task a player took, as stored. (The task's own number in the tables is its kind.) */
export type TaskId = number;

/** A row of the task table. */
export interface TaskRow {
  id: number;
  name: string;
  type: number;
  heroLevel: number;
  desc: string;
  acceptTalk: string;
  workTalk: string;
  finishTalk: string;
  exp: number;
  item: string;
  /** By kind of monster how many. */
  completeCondition: Record<string, number>;
}

/** A team; counts up from 1. The wire says 0 for "none", this crate `Option`. */
export type TeamId = number;

/** A player became or stopped being a member or captain. */
export interface TeamStatus {
  playerId: PlayerId;
  teamId: TeamId;
  isCaptain: number;
  teamName: string;
}

/** A thing on the ground. */
export interface ThingView {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
  playerId: PlayerId;
  type: Sort;
}

/** The client's clock. */
export interface TimeSync {
  /** Milliseconds since 1970. */
  clientTime?: number;
}

/** What to take off. */
export interface UnEquip {
  /** The place: `weapon`. */
  type: string;
  /** Else it is destroyed. */
  putInBag?: boolean;
}

/** The player's figures after a level. */
export interface Upgraded {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
  level: number;
  walkSpeed: number;
  hp: number;
  maxHp: number;
  mp: number;
  maxMp: number;
  id: PlayerId;
  name: string;
  teamId: number;
  isCaptain: number;
  kindName: string;
  areaId: number;
  experience: number;
  attackValue: number;
  defenceValue: number;
  attackSpeed: number;
  hitRate: number;
  dodgeRate: number;
  nextLevelExp: number;
  skillPoint: number;
  /** `player`. */
  type: string;
}

/** Whether something was used up. */
export interface Used {
  code: number;
  status: boolean;
}

/** An account. */
export interface User {
  /** Its number. */
  id: number;
}

/** Who left the game. */
export interface UserLeft {
  route: string;
  code: number;
  playerId: PlayerId;
}

/** Things in an area by type, as `onAddEntities` and `enterScene` list them. */
export interface Views {
  npc?: NpcView[];
  mob?: MobView[];
  item?: ThingView[];
  equipment?: ThingView[];
  player?: PlayerView[];
}

/** A way. */
export interface Walk {
  /** At least two points; the first where the player is. */
  path: Point[];
}

/** The nine places, each empty or with a kind of equipment. As JSON an object with all nine, 0 where nothing is worn. */
export interface Worn {
  weapon: number;
  armor: number;
  helmet: number;
  necklace: number;
  ring: number;
  belt: number;
  shoes: number;
  legguard: number;
  amulet: number;
}

/** What clients ask, and what they are answered. */
export interface Routes {
  "area.equipHandler.equip": { req: Slot; res: Moved };
  "area.equipHandler.unEquip": { req: UnEquip; res: Moved };
  "area.fightHandler.attack": { req: Target; res: Nothing };
  "area.fightHandler.useSkill": { req: OfSkill; res: void };
  "area.playerHandler.addItem": { req: unknown; res: Added };
  "area.playerHandler.changeArea": { req: ChangeArea; res: AreaChanged };
  "area.playerHandler.changeView": { req: ChangeView; res: void };
  "area.playerHandler.dropItem": { req: Slot; res: Status };
  "area.playerHandler.enterScene": { req: Nothing; res: Scene };
  "area.playerHandler.learnSkill": { req: OfSkill; res: Learnt };
  "area.playerHandler.move": { req: Walk; res: Code };
  "area.playerHandler.npcTalk": { req: Target; res: void };
  "area.playerHandler.pickItem": { req: Target; res: Answer };
  "area.playerHandler.upgradeSkill": { req: OfSkill; res: Status };
  "area.playerHandler.useItem": { req: Slot; res: Used };
  "area.resourceHandler.loadAreaResource": { req: Nothing; res: AreaResource };
  "area.resourceHandler.loadResource": { req: LoadResource; res: Resource };
  "area.taskHandler.getHistoryTasks": { req: Nothing; res: History };
  "area.taskHandler.getNewTask": { req: Nothing; res: NewTask };
  "area.taskHandler.handoverTask": { req: Nothing; res: HandedOver };
  "area.taskHandler.startTask": { req: StartTask; res: Started };
  "area.teamHandler.applyJoinTeam": { req: Apply; res: void };
  "area.teamHandler.applyJoinTeamReply": { req: ApplyReply; res: void };
  "area.teamHandler.createTeam": { req: Nothing; res: void };
  "area.teamHandler.disbandTeam": { req: OfTeam; res: void };
  "area.teamHandler.inviteJoinTeam": { req: Invite; res: void };
  "area.teamHandler.inviteJoinTeamReply": { req: InviteReply; res: void };
  "area.teamHandler.kickOut": { req: KickOut; res: void };
  "area.teamHandler.leaveTeam": { req: OfTeam; res: void };
  "chat.chatHandler.send": { req: Say; res: Code };
  "connector.entryHandler.entry": { req: SignIn; res: Entered };
  "connector.roleHandler.createPlayer": { req: CreatePlayer; res: Created };
  "connector.timeSyncHandler.timeSync": { req: TimeSync; res: ServerTime };
  "gate.gateHandler.queryEntry": { req: QueryEntry; res: Entry };
}

/** What servers push. */
export interface Pushes {
  "onAddEntities": Views;
  "onApplyJoinTeam": Short;
  "onApplyJoinTeamReply": Reply;
  "onAttack": Attack;
  "onChat": Said;
  "onDisbandTeam": PlayerId[];
  "onDragMember2gameCopy": Drag;
  "onDropItems": Dropped;
  "onHpMp": HpMp;
  "onInviteJoinTeam": Short;
  "onInviteJoinTeamReply": Reply;
  "onMove": Move;
  "onNPCTalk": Talk;
  "onPathCheckout": PathCheckout;
  "onPickItem": PickItem;
  "onRemoveEntities": Removed;
  "onRevive": Revive;
  "onTaskCompleted": TaskCompleted;
  "onTeamCaptainStatusChange": TeamStatus;
  "onTeamMemberStatusChange": TeamStatus;
  "onTeammateLeaveTeam": Player;
  "onUpdateTaskData": Record<string, TaskData>;
  "onUpdateTeam": Record<string, MemberData>;
  "onUpgrade": Upgraded;
  "onUserLeave": UserLeft;
}

/** All of it, for `new Client<Messages>(...)`. */
export interface Messages {
  routes: Routes;
  pushes: Pushes;
}

/** The names of the routes: server type, handler, method. */
export const ROUTES = {
  area: {
    equipHandler: {
      equip: "area.equipHandler.equip",
      unEquip: "area.equipHandler.unEquip",
    },
    fightHandler: {
      attack: "area.fightHandler.attack",
      useSkill: "area.fightHandler.useSkill",
    },
    playerHandler: {
      addItem: "area.playerHandler.addItem",
      changeArea: "area.playerHandler.changeArea",
      changeView: "area.playerHandler.changeView",
      dropItem: "area.playerHandler.dropItem",
      enterScene: "area.playerHandler.enterScene",
      learnSkill: "area.playerHandler.learnSkill",
      move: "area.playerHandler.move",
      npcTalk: "area.playerHandler.npcTalk",
      pickItem: "area.playerHandler.pickItem",
      upgradeSkill: "area.playerHandler.upgradeSkill",
      useItem: "area.playerHandler.useItem",
    },
    resourceHandler: {
      loadAreaResource: "area.resourceHandler.loadAreaResource",
      loadResource: "area.resourceHandler.loadResource",
    },
    taskHandler: {
      getHistoryTasks: "area.taskHandler.getHistoryTasks",
      getNewTask: "area.taskHandler.getNewTask",
      handoverTask: "area.taskHandler.handoverTask",
      startTask: "area.taskHandler.startTask",
    },
    teamHandler: {
      applyJoinTeam: "area.teamHandler.applyJoinTeam",
      applyJoinTeamReply: "area.teamHandler.applyJoinTeamReply",
      createTeam: "area.teamHandler.createTeam",
      disbandTeam: "area.teamHandler.disbandTeam",
      inviteJoinTeam: "area.teamHandler.inviteJoinTeam",
      inviteJoinTeamReply: "area.teamHandler.inviteJoinTeamReply",
      kickOut: "area.teamHandler.kickOut",
      leaveTeam: "area.teamHandler.leaveTeam",
    },
  },
  chat: {
    chatHandler: {
      send: "chat.chatHandler.send",
    },
  },
  connector: {
    entryHandler: {
      entry: "connector.entryHandler.entry",
    },
    roleHandler: {
      createPlayer: "connector.roleHandler.createPlayer",
    },
    timeSyncHandler: {
      timeSync: "connector.timeSyncHandler.timeSync",
    },
  },
  gate: {
    gateHandler: {
      queryEntry: "gate.gateHandler.queryEntry",
    },
  },
} as const;
