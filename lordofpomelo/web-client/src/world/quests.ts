//! Quests as the player knows them.

import type { CurTask, StartedTask, TaskData, TaskRow } from "../protocol/messages";

/** Offered, just taken, or open since an earlier day: then condition and data are JSON as text. */
export type Task = TaskRow | StartedTask | CurTask;

/** 0 in progress, 1 condition met, 2 handed over. */
export type QuestState = 0 | 1 | 2;

export interface Quest {
  /** What the server calls it from its start on. */
  readonly id: number;
  readonly name: string;
  readonly acceptTalk: string;
  readonly workTalk: string;
  readonly finishTalk: string;
  readonly exp: number;
  /** Who is below this may not take it; 0 once it is taken. */
  readonly fromLevel: number;
  /** Equipment it earns. */
  readonly rewards: readonly number[];
  readonly kills: { readonly kindId: number; readonly wanted: number } | undefined;
  readonly playersWanted: number | undefined;
  done: number;
  state: QuestState;
}

export function questOf(task: Task): Quest {
  const condition = parsed<Record<string, number>>(task.completeCondition) ?? {};
  const data = "taskData" in task ? parsed<TaskData>(task.taskData) : undefined;
  const [first] = Object.entries(condition);
  const players = task.type === 1;
  const wanted = first === undefined ? 0 : Number(first[1]);
  return {
    id: task.id,
    name: task.name,
    acceptTalk: task.acceptTalk,
    workTalk: task.workTalk,
    finishTalk: task.finishTalk,
    exp: task.exp,
    fromLevel: "heroLevel" in task ? task.heroLevel : 0,
    rewards: task.item.split(";").map(Number).filter((id) => id > 0),
    kills: players || first === undefined ? undefined : { kindId: Number(first[0]), wanted },
    playersWanted: players ? wanted : undefined,
    done: (players ? data?.playerKilled : data?.mobKilled) ?? 0,
    state: "taskState" in task && (task.taskState === 1 || task.taskState === 2) ? task.taskState : 0,
  };
}

function parsed<T>(value: string | T): T | undefined {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as T;
  } catch {
    return undefined;
  }
}
