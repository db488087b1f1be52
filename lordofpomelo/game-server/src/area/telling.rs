//! What the rules say, as the pushes of the wire: where the rules know less than clients want, it is added here. Not here: who gets what,
//! which the rules decide.

use std::collections::BTreeMap;

use lordofpomelo_world::{
    area::{Events, NpcTalk, Push, ThingView, To},
    data::Tables,
};
use pomelo::{ChannelError, Channels};

use super::host::{People, Person};
use crate::messages::{
    OK,
    pushes::{
        self, Dropped, DroppedThing, PathCheckout, Removed, Reply, Talk, TalkParams, TaskCompleted, Upgraded,
        UserLeft,
    },
};

/// Pushes that are sent without a pause.
const AT_ONCE: usize = 32;

/// Says all of it, in its order. What has no form on the wire is left out, which the log says once for all of it.
pub(super) async fn tell(events: &Events, people: &People, channels: &Channels, tables: &Tables) {
    let (mut untold, mut why) = (0_u32, None);
    for (number, (to, push)) in events.iter().enumerate() {
        if number % AT_ONCE == AT_ONCE - 1 {
            // Requests are answered in between.
            tokio::task::yield_now().await;
        }
        let told = match to {
            To::Players(players) => {
                say(push, players.iter().filter_map(|player| people.get(player)), channels, tables).await
            }
            To::Everybody => say(push, people.values(), channels, tables).await,
        };
        if let Err(error) = told {
            untold += 1;
            why.get_or_insert(error);
        }
    }
    if let Some(error) = why {
        tracing::warn!(%error, untold, "pushes that can't be sent");
    }
}

async fn say(
    push: &Push,
    people: impl Iterator<Item = &Person>,
    channels: &Channels,
    tables: &Tables,
) -> Result<(), ChannelError> {
    let to = people.map(|person| (&person.uid, &person.frontend));
    match push {
        Push::AddEntities(views) => channels.push_to_users(to, pushes::ON_ADD_ENTITIES, views).await,
        Push::RemoveEntities(entities) => {
            let removed = Removed { entities: entities.clone() };
            channels.push_to_users(to, pushes::ON_REMOVE_ENTITIES, &removed).await
        }
        Push::Move(step) => channels.push_to_users(to, pushes::ON_MOVE, step).await,
        Push::PathCheckout(entity_id, position) => {
            let checkout = PathCheckout { entity_id: *entity_id, position: *position };
            channels.push_to_users(to, pushes::ON_PATH_CHECKOUT, &checkout).await
        }
        Push::Attack(attack) => channels.push_to_users(to, pushes::ON_ATTACK, attack).await,
        Push::Upgrade(own) => {
            let upgraded = Upgraded { own: (**own).clone(), sort: "player".into() };
            channels.push_to_users(to, pushes::ON_UPGRADE, &upgraded).await
        }
        Push::Revive(revive) => channels.push_to_users(to, pushes::ON_REVIVE, revive).await,
        Push::PickItem(pick) => channels.push_to_users(to, pushes::ON_PICK_ITEM, pick).await,
        Push::DropItems(things) => {
            let dropped =
                Dropped { drop_items: things.iter().filter_map(|thing| fallen(thing, tables)).collect() };
            channels.push_to_users(to, pushes::ON_DROP_ITEMS, &dropped).await
        }
        Push::NpcTalk(talk) => channels.push_to_users(to, pushes::ON_NPC_TALK, &said(talk)).await,
        Push::UpdateTaskData(tasks) => {
            let tasks: BTreeMap<_, _> = tasks.iter().copied().collect();
            channels.push_to_users(to, pushes::ON_UPDATE_TASK_DATA, &tasks).await
        }
        Push::TaskCompleted(task_id) => {
            channels.push_to_users(to, pushes::ON_TASK_COMPLETED, &TaskCompleted { task_id: *task_id }).await
        }
        Push::UserLeave(player_id) => {
            let left = UserLeft { route: "onUserLeave".into(), code: OK, player_id: *player_id };
            channels.push_to_users(to, pushes::ON_USER_LEAVE, &left).await
        }
        Push::TeamCaptainStatusChange(status) => {
            channels.push_to_users(to, pushes::ON_TEAM_CAPTAIN_STATUS_CHANGE, status).await
        }
        Push::TeamMemberStatusChange(status) => {
            channels.push_to_users(to, pushes::ON_TEAM_MEMBER_STATUS_CHANGE, status).await
        }
        Push::InviteJoinTeam(short) => channels.push_to_users(to, pushes::ON_INVITE_JOIN_TEAM, short).await,
        Push::InviteJoinTeamReply(reply) => {
            channels.push_to_users(to, pushes::ON_INVITE_JOIN_TEAM_REPLY, &Reply { reply: *reply }).await
        }
        Push::ApplyJoinTeam(short) => channels.push_to_users(to, pushes::ON_APPLY_JOIN_TEAM, short).await,
        Push::ApplyJoinTeamReply(reply) => {
            channels.push_to_users(to, pushes::ON_APPLY_JOIN_TEAM_REPLY, &Reply { reply: *reply }).await
        }
        Push::HpMp(hp_mp) => channels.push_to_users(to, pushes::ON_HP_MP, hp_mp).await,
    }
}

/// A reward with the columns of its row, which clients do not look up.
fn fallen(thing: &ThingView, tables: &Tables) -> Option<DroppedThing> {
    let row = tables.equipment.get(thing.kind_id)?;
    Some(DroppedThing {
        entity_id: thing.entity_id,
        kind_id: thing.kind_id,
        sort: "equipment".into(),
        x: thing.at.x,
        y: thing.at.y,
        player_id: thing.player_id,
        name: row.name.clone(),
        english_name: row.english_name.clone(),
        kind: row.kind,
        attack_value: row.attack_value,
        defence_value: row.defence_value,
        price: row.price,
        color: row.color,
        hero_level: row.hero_level,
        img_id: row.img_id,
    })
}

/// With the way that a travel NPC offers.
fn said(talk: &NpcTalk) -> Talk {
    Talk {
        npc: talk.npc,
        npcword: talk.npcword.clone(),
        myword: talk.myword.clone(),
        player: talk.player,
        kind_id: talk.kind_id,
        action: talk.travel.map(|_| "changeArea".into()),
        params: talk.travel.map(|target| TalkParams { target }),
    }
}
