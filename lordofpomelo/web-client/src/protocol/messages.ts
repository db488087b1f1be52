//! The messages of the game's servers, by hand for now. It has the form that `pomelo types` writes, so that the generated file
//! takes its place; whoever needs a type takes it from here.

export interface Point {
  x: number;
  y: number;
}

/** An answer that is only a code. */
export interface Code {
  code: number;
}
export interface Status {
  status: boolean;
}

export interface NpcEntity {
  entityId: number;
  kindId: number;
  x: number;
  y: number;
}
export interface MobEntity extends NpcEntity {
  level: number;
  walkSpeed: number;
  hp: number;
  maxHp: number;
}
export interface GroundEntity extends NpcEntity {
  playerId: number;
}
export interface PlayerEntity extends MobEntity {
  mp: number;
  maxMp: number;
  id: number;
  name: string;
  teamId?: number;
  isCaptain?: number;
}

/** By sort; lists that are empty may be missing. */
export interface Entities {
  npc?: NpcEntity[];
  mob?: MobEntity[];
  item?: GroundEntity[];
  equipment?: GroundEntity[];
  player?: PlayerEntity[];
}

export interface Upgraded extends PlayerEntity {
  experience: number;
  attackValue: number;
  defenceValue: number;
  attackSpeed: number;
  areaId: number;
  hitRate: number;
  dodgeRate: number;
  nextLevelExp: number;
  skillPoint: number;
}

export type ThingType = "item" | "equipment";

export interface BagItem {
  /** Slot, from 1 on. */
  key: number;
  id: number;
  type: ThingType;
}
export interface Bag {
  itemCount: number;
  items?: BagItem[];
}

export type Place = "weapon" | "armor" | "helmet" | "necklace" | "ring" | "belt" | "shoes" | "legguard" | "amulet";

/** What is worn where; 0 is nothing. */
export type Worn = Record<Place, number>;

export interface Skill {
  id: number;
  level: number;
}

export interface TaskData {
  mobKilled: number;
  playerKilled: number;
}
export interface Task {
  id: number;
  name: string;
  acceptTalk: string;
  workTalk: string;
  finishTalk: string;
  item: string;
  exp: number;
  taskState?: number;
  /** Text with JSON inside, or the object. */
  taskData?: string | TaskData;
  completeCondition?: string | Record<string, number>;
  type?: number;
  desc?: string;
  heroLevel?: number;
}

export interface CurPlayer extends Upgraded {
  bag: Bag;
  equipments: Worn;
  fightSkills: Skill[];
  curTasks?: Task[];
}

/** Blocked tiles of a column, from the top. */
export interface Run {
  start: number;
  length: number;
}
export interface AreaMap {
  name: string;
  width: number;
  height: number;
  tileW: number;
  tileH: number;
  weightMap: { collisions?: Run[] }[];
}
export interface Scene {
  code?: number;
  entities?: Entities;
  curPlayer?: CurPlayer;
  map?: AreaMap;
}

export interface AreaResource {
  players: string[];
  mobs: string[];
  npcs: string[];
  items: string[];
  equipments: string[];
  mapName: string;
}

export interface SkillRow {
  id: number;
  playerLevel: number;
  name: string;
  desc: string;
  type: string;
  upgradeParam: number;
  upgradePlayerLevel: number;
  cooltime: number;
  mp: number;
  attackParam: number;
  distance: number;
}
export interface EquipmentRow {
  id: number;
  name: string;
  englishName: string;
  desc: string;
  kind: string;
  attackValue: number;
  defenceValue: number;
  price: number;
  color: string;
  heroLevel: number;
}
export interface ItemRow {
  id: number;
  name: string;
  englishName: string;
  desc: string;
  kind: string;
  hp: number;
  mp: number;
  price: number;
  heroLevel: number;
}
export interface CharacterRow {
  id: number;
  name: string;
  englishName: string;
}
export interface NpcRow {
  id: number;
  name: string;
  englishName: string;
  kindType: number;
}

type Rows<Row> = Record<string, Row>;

/** The tables; those that did not change are missing. */
export interface Tables {
  fightskill?: Rows<SkillRow>;
  equipment?: Rows<EquipmentRow>;
  item?: Rows<ItemRow>;
  character?: Rows<CharacterRow>;
  npc?: Rows<NpcRow>;
}
export interface Resource {
  data: Tables;
  version: Record<string, number>;
}

/** The account's hero. */
export interface Hero {
  id: number;
  areaId: number;
}

export interface DroppedItem extends Point {
  kindId: number;
  entityId: number;
  playerId: number;
  type: ThingType;
}
export interface Attack {
  attacker: number;
  target: number;
  result: { result: number; damage: number; mpUse?: number; items?: DroppedItem[] };
  exp?: number;
  reviveTime?: number;
  skillId: number;
}
export interface NpcTalk {
  npc: number;
  npcword: string;
  myword: string;
  action?: string;
  params?: { target?: number };
}
export interface ChatLine {
  playerId: number;
  content: string;
  scope: string;
  from: string;
}
export interface MemberData {
  name: string;
  kindId: number | string;
  hp: number;
  mp: number;
  maxHp: number;
  maxMp: number;
  level: number;
  teamId: number;
  isCaptain: number;
}
export interface TeamStatus {
  playerId: number;
  teamId: number;
  isCaptain: number;
  teamName: string;
}
export interface Somebody {
  id: number;
  name: string;
  level: number;
  teamId: number;
}

export interface Routes {
  "gate.gateHandler.queryEntry": { req: { uid: number }; res: { code: number; host: string; port: number } };
  "connector.entryHandler.entry": { req: { token: string }; res: { code: number; player?: Hero | null } };
  "connector.roleHandler.createPlayer": { req: { name: string; roleId: number }; res: { code: number; player: Hero } };
  "connector.timeSyncHandler.timeSync": { req: { clientTime: number }; res: { code: number; serverTime?: number } };
  "area.resourceHandler.loadAreaResource": { req: Record<string, never>; res: AreaResource };
  "area.resourceHandler.loadResource": { req: { version: Record<string, number> }; res: Resource };
  "area.playerHandler.enterScene": { req: Record<string, never>; res: Scene };
  "area.playerHandler.changeView": { req: { width: number; height: number }; res: void };
  "area.playerHandler.move": { req: { path: Point[] }; res: Code };
  "area.playerHandler.npcTalk": { req: { areaId: number; playerId: number; targetId: number }; res: void };
  "area.playerHandler.changeArea": { req: { areaId: number; target: number; triggerByPlayer?: number }; res: { success: boolean; target?: number } };
  "area.playerHandler.pickItem": { req: { areaId: number; playerId: number; targetId: number }; res: { code?: number } };
  "area.playerHandler.dropItem": { req: { index: number }; res: Status };
  "area.playerHandler.useItem": { req: { index: number }; res: { code: number; status: boolean } };
  "area.playerHandler.learnSkill": { req: { skillId: number }; res: { status: boolean; skill?: Skill } };
  "area.playerHandler.upgradeSkill": { req: { skillId: number }; res: Status };
  "area.equipHandler.equip": { req: { index: number }; res: { status: boolean; bagIndex: number } };
  "area.equipHandler.unEquip": { req: { type: string; putInBag: boolean }; res: { status: boolean; bagIndex: number } };
  "area.fightHandler.attack": { req: { targetId: number }; res: { code?: number } };
  "area.fightHandler.useSkill": { req: { skillId: number; playerId: number }; res: void };
  "area.taskHandler.getNewTask": { req: { playerId: number }; res: { code: number; task?: Task } };
  "area.taskHandler.startTask": { req: { areaId: number; playerId: number; taskId: number }; res: { code: number; taskData: Task } };
  "area.taskHandler.handoverTask": { req: { areaId: number; playerId: number }; res: { code: number; ids: (number | string)[] } };
  "area.teamHandler.createTeam": { req: Record<string, never>; res: void };
  "area.teamHandler.disbandTeam": { req: { playerId: number; teamId: number }; res: void };
  "area.teamHandler.leaveTeam": { req: { playerId: number; teamId: number }; res: void };
  "area.teamHandler.inviteJoinTeam": { req: { inviteeId: number; teamId: number }; res: void };
  "area.teamHandler.inviteJoinTeamReply": { req: { teamId: number; captainId: number; reply: number }; res: void };
  "area.teamHandler.applyJoinTeam": { req: { captainId: number; teamId: number }; res: void };
  "area.teamHandler.applyJoinTeamReply": { req: { teamId: number; applicantId: number; reply: number }; res: void };
  "area.teamHandler.kickOut": { req: { teamId: number; kickedPlayerId: number }; res: void };
  "chat.chatHandler.send": { req: { from: string; scope: string; content: string; areaId: number; toName: string; teamId?: number }; res: Code };
}

export interface Pushes {
  onAddEntities: Entities;
  onRemoveEntities: { entities: number[] };
  onMove: { entityId: number; path: Point[]; speed: number };
  onPathCheckout: { entityId: number; position: Point };
  onAttack: Attack;
  onUpgrade: Upgraded;
  onRevive: { entityId: number; x: number; y: number; hp: number };
  onPickItem: { player: number; item: number; index: number };
  onDropItems: { dropItems: DroppedItem[] };
  onNPCTalk: NpcTalk;
  onUpdateTaskData: Record<string, TaskData>;
  onTaskCompleted: { taskId: number };
  onUserLeave: { playerId: number };
  onChat: ChatLine;
  onUpdateTeam: Record<string, MemberData>;
  onTeammateLeaveTeam: { playerId: number };
  onDisbandTeam: number[];
  onTeamCaptainStatusChange: TeamStatus;
  onTeamMemberStatusChange: TeamStatus;
  onInviteJoinTeam: Somebody;
  onInviteJoinTeamReply: { reply: number };
  onApplyJoinTeam: Somebody;
  onApplyJoinTeamReply: { reply: number };
  onDragMember2gameCopy: { teamId: number; target: number };
  onHpMp: { entityId: number; hp: number; mp: number };
}

/** All of it, for `new Client<Messages>(...)`. */
export interface Messages {
  routes: Routes;
  pushes: Pushes;
}
