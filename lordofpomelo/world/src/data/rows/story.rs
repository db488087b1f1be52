//! What there is to do, and who says so: tasks, NPCs, talks.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Row;

/// What a task asks for: so many victims, of a kind of mob where the task is about mobs. In the file and towards clients the
/// text of a JSON object, `{"202":3}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The kind of mob.
    pub kind: u32,
    /// How many.
    pub count: u32,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{\"{}\":{}}}", self.kind, self.count)
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refuse =
            || serde::de::Error::custom("expected the text of an object with one kind and its count");
        let text = String::deserialize(deserializer)?;
        let mut pairs: std::collections::BTreeMap<u32, u32> =
            serde_json::from_str(&text).map_err(|_| refuse())?;
        match (pairs.pop_first(), pairs.is_empty()) {
            (Some((kind, count)), true) if count > 0 => Ok(Self { kind, count }),
            _ => Err(refuse()),
        }
    }
}

/// What a task rewards with: kinds of equipment. In the file and towards clients `25;62`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewards(pub Vec<u32>);

impl fmt::Display for Rewards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if n == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

impl Serialize for Rewards {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rewards {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let ids = text.split(';').filter(|id| !id.is_empty()).map(str::parse).collect::<Result<_, _>>();
        ids.map(Self).map_err(|_| serde::de::Error::custom("expected numbers with ; between them"))
    }
}

/// What a task is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub enum TaskKind {
    /// 0: killing mobs of one kind.
    KillMobs,
    /// 1: killing players of at least the own level.
    KillPlayers,
}

impl TryFrom<u32> for TaskKind {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::KillMobs),
            1 => Ok(Self::KillPlayers),
            _ => Err("expected 0 or 1"),
        }
    }
}

impl From<TaskKind> for u32 {
    fn from(kind: TaskKind) -> Self {
        match kind {
            TaskKind::KillMobs => 0,
            TaskKind::KillPlayers => 1,
        }
    }
}

/// A task of the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its place in the chain, from 1.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: TaskKind,
    /// The level that may take it.
    pub hero_level: u32,
    /// What it asks for.
    pub complete_condition: Condition,
    /// Text, `;`, kind of mob.
    pub desc: String,
    /// Said when it is offered.
    pub accept_talk: String,
    /// Said while it is open.
    pub work_talk: String,
    /// Said when it is done.
    pub finish_talk: String,
    /// Experience that it rewards with.
    pub exp: u32,
    /// Kinds of equipment that it rewards with.
    pub item: Rewards,
    /// Seconds, 0 for none; ignored.
    pub time_limit: u32,
}

row!(
    Task,
    "task",
    [
        "id",
        "name",
        "type",
        "heroLevel",
        "completeCondition",
        "desc",
        "acceptTalk",
        "workTalk",
        "finishTalk",
        "exp",
        "item",
        "timeLimit",
    ]
);

/// A kind of NPC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Npc {
    /// The kind.
    pub id: u32,
    /// As shown.
    pub name: String,
    /// As shown to those who read English.
    pub english_name: String,
    /// 1 = offers travel, 0 = talks. Informative.
    pub kind_type: u32,
}

row!(Npc, "npc", ["id", "name", "englishName", "kindType"]);

/// What an NPC says; of several rows for one NPC the first counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Talk {
    /// Of the row.
    pub id: u32,
    /// Title of the talk.
    pub name: String,
    /// Informative.
    pub step: u32,
    /// Kind of the [`Npc`].
    pub npc: u32,
    /// Id of the [`Area`](super::Area); informative.
    pub area: u32,
    /// What the NPC says.
    pub npcword: String,
    /// What the player answers.
    pub myword: String,
    /// Informative; 0 for none.
    pub quest_after: u32,
}

row!(Talk, "talk", ["id", "name", "step", "npc", "area", "npcword", "myword", "questAfter"]);
