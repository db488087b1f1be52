//! Handlers of what a player does with its bag, equipment and skills. Skills are stored at once, the rest with the next round.

use lordofpomelo_store::Parts;
use lordofpomelo_world::{area::Refused, hero::worn};
use pomelo::{Result, State};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    here::Here,
    saver::{SaveError, Saver},
};
use crate::{
    CALL,
    messages::{
        OK,
        area::{Added, Learnt, LearntSkill, Moved, OfSkill, Slot, Status, UnEquip, Used},
    },
};

/// The type that all learnt skills have on the wire.
const SKILL_TYPE: &str = "attack";

const NOT_MOVED: Moved = Moved { status: false, bag_index: -1 };

/// What a skill changes in a hero.
const SKILL_PARTS: Parts = Parts { player: true, bag: false, equipment: false, skills: true, tasks: false };

/// Destroys what lies in a slot.
pub(super) async fn drop_item(here: Here, slot: Slot) -> Result<Status> {
    let status = here.host.with(|area, _| area.drop_item(here.player, slot.index.0))?;
    Ok(Status { status })
}

/// Eats or drinks.
pub(super) async fn use_item(here: Here, slot: Slot) -> Result<Used> {
    let status = here.host.with(|area, _| area.use_item(here.player, slot.index.0))?;
    Ok(Used { code: OK, status })
}

/// Nobody makes things by asking for them. What was asked for is not worth a line: it may be anything, of any length.
pub(super) async fn add_item(here: Here, _: Value) -> Result<Added> {
    tracing::debug!(player = %here.player, "asks for a thing that is not its own");
    Ok(Added { bag_index: -1 })
}

/// Puts on what lies in a slot.
pub(super) async fn equip(here: Here, slot: Slot) -> Result<Moved> {
    moved(here.host.with(|area, _| area.equip(here.player, slot.index.0)))
}

/// Takes off what is worn.
pub(super) async fn un_equip(here: Here, wanted: UnEquip) -> Result<Moved> {
    let Some(place) = worn::place(&wanted.place) else { return Ok(NOT_MOVED) };
    moved(here.host.with(|area, _| area.unequip(here.player, place, wanted.put_in_bag)))
}

fn moved(slot: Result<Option<u32>, Refused>) -> Result<Moved> {
    match slot {
        Ok(slot) => Ok(Moved { status: true, bag_index: slot.map_or(-1, i64::from) }),
        Err(Refused::Worn(_)) => Ok(NOT_MOVED),
        Err(refused) => Err(refused.into()),
    }
}

/// Learns a skill.
pub(super) async fn learn_skill(here: Here, saver: State<Saver>, wanted: OfSkill) -> Result<Learnt> {
    let learnt = here.host.with(|area, _| area.learn_skill(here.player, wanted.skill_id.0))?;
    let Some(skill) = learnt else { return Ok(Learnt { status: false, skill: None }) };
    store_skills(&here, &saver).await;
    let skill = LearntSkill {
        id: skill.id,
        skill_id: skill.id,
        level: skill.level,
        sort: SKILL_TYPE.to_owned(),
        player_id: here.player,
    };
    Ok(Learnt { status: true, skill: Some(skill) })
}

/// Raises a skill.
pub(super) async fn upgrade_skill(here: Here, saver: State<Saver>, wanted: OfSkill) -> Result<Status> {
    let status = here.host.with(|area, _| area.upgrade_skill(here.player, wanted.skill_id.0))?;
    if status {
        store_skills(&here, &saver).await;
    }
    Ok(Status { status })
}

/// What can't be stored now is with the next round, for which the area has noted it: the player has learnt it all the same.
async fn store_skills(here: &Here, saver: &Saver) {
    let saving =
        here.host.read(|area| area.hero(here.player).map(|hero| saver.save(hero.clone(), SKILL_PARTS)));
    // Whoever left meanwhile was stored as a whole.
    let Some(saving) = saving else { return };
    if let Err(error) = timeout(CALL, saving).await.unwrap_or(Err(SaveError::Late)) {
        tracing::warn!(%error, player = %here.player, "a skill is stored later");
    }
}
