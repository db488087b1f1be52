//! Area servers: where players walk, fight and trade blows. A scene server has one area for all, an instance server any number that belong
//! to a player or a team; what they do is the same.
//!
//! An area is a [`host::Host`]: the rules' state machine behind a lock, who its players are, and one task that lets time pass, says what
//! there is to say in its order, and stores what has changed. Handlers call the state machine and answer; whatever follows for others goes
//! out by that task, so that nothing overtakes anything.
//!
//! | file | what |
//! | --- | --- |
//! | [`host`] | one area and its task |
//! | [`hosts`] | the areas of this server; instances come and go |
//! | [`here`] | whose message it is, in which area: the filter of all routes, as an argument |
//! | [`telling`] | what the rules say as pushes |
//! | [`saver`] | storing heroes, in order |
//! | [`coming`], [`travel`] | into an area, out of it, elsewhere |
//! | [`acting`], [`belongings`], [`tasks`], [`teams`], [`loading`] | handlers |

mod acting;
mod belongings;
mod clock;
mod coming;
mod here;
mod host;
mod hosts;
mod loading;
mod own;
mod saver;
mod tasks;
mod teams;
mod telling;
mod travel;

#[cfg(test)]
mod tests;

use pomelo::Server;

pub(crate) use self::{here::DoorError, travel::TravelError};

use crate::{
    messages::{area as routes, remotes, team},
    resources::Resources,
    storage::open_store,
};

/// What an area server has.
pub(crate) fn server(s: Server) -> Server {
    let s = s
        .state_from(Resources::load)
        .state_from(open_store)
        .state_from(saver::open)
        .state_from(loading::Loading::new)
        .state_from(hosts::open)
        .filter(here::send_away_lost)
        .on_members_left(coming::gone)
        .on_server_added(coming::chat_came)
        .on_server_added(hosts::another_came)
        .on_server_removed(teams::manager_went)
        .on_started(hosts::watch_instances)
        .on_drain(hosts::close);
    let s = s
        .handler(routes::LOAD_RESOURCE, loading::load_resource)
        .handler(routes::LOAD_AREA_RESOURCE, loading::load_area_resource)
        .handler(routes::ENTER_SCENE, coming::enter_scene)
        .handler(routes::CHANGE_AREA, travel::change_area)
        .handler(routes::CHANGE_VIEW, acting::change_view)
        .handler(routes::MOVE, acting::walk)
        .handler(routes::NPC_TALK, acting::npc_talk)
        .handler(routes::ATTACK, acting::attack)
        .handler(routes::USE_SKILL, acting::use_skill)
        .handler(routes::PICK_ITEM, acting::pick_item);
    let s = s
        .handler(routes::DROP_ITEM, belongings::drop_item)
        .handler(routes::USE_ITEM, belongings::use_item)
        .handler(routes::ADD_ITEM, belongings::add_item)
        .handler(routes::EQUIP, belongings::equip)
        .handler(routes::UN_EQUIP, belongings::un_equip)
        .handler(routes::LEARN_SKILL, belongings::learn_skill)
        .handler(routes::UPGRADE_SKILL, belongings::upgrade_skill);
    let s = s
        .handler(routes::GET_NEW_TASK, tasks::get_new_task)
        .handler(routes::START_TASK, tasks::start_task)
        .handler(routes::HANDOVER_TASK, tasks::handover_task)
        .handler(routes::GET_HISTORY_TASKS, tasks::get_history_tasks);
    let s = s
        .handler(team::CREATE, teams::create)
        .handler(team::DISBAND, teams::disband)
        .handler(team::LEAVE, teams::leave)
        .handler(team::INVITE, teams::invite)
        .handler(team::INVITE_REPLY, teams::invite_reply)
        .handler(team::APPLY, teams::apply)
        .handler(team::APPLY_REPLY, teams::apply_reply)
        .handler(team::KICK_OUT, teams::kick_out);
    s.remote(remotes::PLAYER_LEAVE, coming::player_leave)
        .remote(remotes::LEAVE_TEAM, teams::leave_team)
        .remote(remotes::CREATE_INSTANCE, hosts::create_instance)
        .remote(remotes::CLOSE_INSTANCE, hosts::close_instance)
}
