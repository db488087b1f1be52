//! An administrator's tool that wants things changed, as `pomelo_cluster::admin::Asker` does it: it finds who leads, asks under the
//! number of an operation, and asks whoever leads next under the same one, until a master answers. Now and then the person at it loses
//! patience, asks twice, or asks again for what was answered before.

mod wish;

use std::{collections::BTreeMap, rc::Rc};

use pomelo_protocol::{
    ServerId,
    admin::{
        AdminMessage, ClientRegister, Envelope, Failure, Hello, MasterRole, Register, Registered, Response,
    },
};
use serde_json::Value;

use self::wish::Wish;
use super::{
    core::{Core, Life, MS, Micros, Node, SECOND, Timer, What},
    net::ConnId,
    server::ORDERS,
};

const PAUSE: Micros = 100 * MS;
const TIMEOUT: Micros = 5 * SECOND;
const LOOK_AROUND: Micros = 500 * MS;

pub(super) struct Client {
    me: (Node, Life),
    masters: Vec<Node>,
    ids: Vec<ServerId>,
    wish: Option<Wish>,
    left: usize,
    count: u64,
    /// All it wants is that everything ends, and it waits for that.
    ends_all: bool,
    /// Jobs that it has added.
    crons: Vec<Value>,
    /// Counts attempts: timers of former ones mean nothing.
    attempt: u64,
    /// Masters that are being looked at.
    looking: BTreeMap<ConnId, bool>,
    expected: usize,
    found: Option<(u64, ConnId)>,
    /// Who was asked, and in which epoch it led.
    asked: Option<(u64, ConnId)>,
}

impl Client {
    pub(super) fn new(core: &mut Core, me: (Node, Life), masters: &[Node], ids: &[ServerId]) -> Self {
        let first = core.rng.u64(200 * MS..3 * SECOND);
        core.timer(me, first, Timer::Ask(0));
        Self {
            me,
            masters: masters.to_vec(),
            ids: ids.to_vec(),
            wish: None,
            ends_all: false,
            crons: Vec::new(),
            left: core.rng.usize(1..=5),
            count: 0,
            attempt: 0,
            looking: BTreeMap::new(),
            expected: 0,
            found: None,
            asked: None,
        }
    }

    /// One that wants everything to end, now.
    pub(super) fn ending_all(core: &mut Core, me: (Node, Life), masters: &[Node], ids: &[ServerId]) -> Self {
        let client = Self::new(core, me, masters, ids);
        core.timer(me, 0, Timer::Ask(0));
        Self { left: 1, ends_all: true, ..client }
    }

    pub(super) fn waits_for(&self) -> Option<&str> {
        self.wish.as_ref().map(|wish| wish.op.as_str())
    }

    /// What it still wants, it does not want any more.
    pub(super) fn wants_no_more(&mut self) {
        self.left = 0;
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Timer(Timer::Ask(attempt)) if attempt == self.attempt => self.begin(core),
            What::Timer(Timer::Look(attempt)) if attempt == self.attempt => self.look(core),
            What::Opened { conn, .. } => self.opened(core, conn),
            What::NotOpened { .. } => {
                self.expected = self.expected.saturating_sub(1);
                self.looked(core);
            }
            What::Message { conn, message } => self.message(core, conn, Rc::unwrap_or_clone(message)),
            What::Closed { conn, .. } => self.closed(core, conn),
            _ => {}
        }
    }

    fn begin(&mut self, core: &mut Core) {
        if self.wish.is_none() {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            self.wish = Some(self.wish(core));
        }
        self.attempt += 1;
        self.close_all(core);
        self.look(core);
    }

    /// Asks every master who leads.
    fn look(&mut self, core: &mut Core) {
        if self.wish.is_none() {
            return;
        }
        for conn in std::mem::take(&mut self.looking).into_keys() {
            core.close(conn, self.me.0, true);
        }
        self.found = None;
        self.expected = self.masters.len();
        for master in self.masters.clone() {
            core.dial(self.me, master);
        }
        let again = if self.asked.is_some() { LOOK_AROUND } else { TIMEOUT };
        core.timer(self.me, again, Timer::Look(self.attempt));
    }

    fn opened(&mut self, core: &mut Core, conn: ConnId) {
        self.looking.insert(conn, false);
        let register = Register::Client(ClientRegister {
            id: format!("tool-{}", self.me.0),
            username: "admin".into(),
            password: "admin".into(),
            md5: false,
            hello: Some(Hello::new()),
        });
        core.send(conn, self.me.0, Rc::new(AdminMessage::Register(register)));
    }

    fn message(&mut self, core: &mut Core, conn: ConnId, message: AdminMessage) {
        match message {
            AdminMessage::Registered(reply) if self.looking.contains_key(&conn) => {
                self.registered(core, conn, &reply);
            }
            AdminMessage::Client(Envelope::Response(response))
                if self.asked.is_some_and(|(_, asked)| asked == conn) =>
            {
                self.answered(core, response);
            }
            _ => {}
        }
    }

    fn registered(&mut self, core: &mut Core, conn: ConnId, reply: &Registered) {
        self.expected = self.expected.saturating_sub(1);
        let leads = reply.cluster.as_ref().filter(|state| state.role == MasterRole::Active);
        match leads.map(|state| state.view.epoch) {
            Some(epoch) if self.found.is_none_or(|(found, _)| found < epoch) => {
                self.found = Some((epoch, conn));
            }
            _ => {}
        }
        self.looked(core);
    }

    /// Asks the one that leads, or waits.
    fn looked(&mut self, core: &mut Core) {
        let Some((epoch, conn)) = self.found else {
            if self.expected == 0 && self.asked.is_none() {
                core.timer(self.me, PAUSE, Timer::Ask(self.attempt));
            }
            return;
        };
        if self.asked.is_some_and(|(asked, _)| asked >= epoch) {
            return;
        }
        let Some(body) = self.wish.as_ref().map(|wish| wish.body.clone()) else { return };
        if let Some((_, old)) = self.asked.take() {
            core.close(old, self.me.0, true);
        }
        self.looking.remove(&conn);
        self.asked = Some((epoch, conn));
        for _ in 0..if core.chance(10) { 2 } else { 1 } {
            let request = Envelope::request(self.attempt, ORDERS, body.clone());
            core.send(conn, self.me.0, Rc::new(AdminMessage::Client(request)));
        }
        core.timer(self.me, LOOK_AROUND, Timer::Look(self.attempt));
    }

    fn answered(&mut self, core: &mut Core, response: Response) {
        let result = response.into_result();
        core.trace(|| format!("tool {} hears {result:?} about {:?}", self.me.0, self.waits_for()));
        match result {
            Err(Failure { leader: Some(_), .. } | Failure { again: true, .. }) => self.again(core),
            result => self.over(core, &result),
        }
    }

    /// A master has answered for good.
    fn over(&mut self, core: &mut Core, result: &Result<Value, Failure>) {
        let Some(wish) = self.wish.take() else { return };
        match (&wish.before, wish.signal()) {
            (_, "handover") if result.is_ok() => core.judge.count("handover"),
            (_, "handover") => {}
            (None, _) => core.judge.told(&wish.op, &wish.ids, result, core.now),
            (Some(before), _) => core.judge.told_again(&wish.op, before, result),
        }
        match result {
            Ok(answer)
                if wish.before.is_none()
                    && wish.signal() != "handover"
                    && !self.ends_all
                    && core.chance(20) =>
            {
                self.wish = Some(Wish { before: Some(answer.clone()), ..wish });
            }
            Ok(_) if wish.before.is_none() && wish.signal() == "addCron" => {
                self.crons.push(wish.body["cron"].clone());
            }
            _ => {}
        }
        self.next(core);
    }

    fn next(&mut self, core: &mut Core) {
        self.attempt += 1;
        self.close_all(core);
        let pause = core.rng.u64(10 * MS..2 * SECOND);
        core.timer(self.me, pause, Timer::Ask(self.attempt));
    }

    fn again(&mut self, core: &mut Core) {
        if !self.ends_all && core.chance(15) {
            core.judge.count("gave up");
            self.wish = None;
            return self.next(core);
        }
        self.attempt += 1;
        self.close_all(core);
        core.timer(self.me, PAUSE, Timer::Ask(self.attempt));
    }

    fn closed(&mut self, core: &mut Core, conn: ConnId) {
        if self.asked.take_if(|(_, asked)| *asked == conn).is_some() {
            return self.again(core);
        }
        if self.looking.remove(&conn).is_some() {
            self.found.take_if(|(_, found)| *found == conn);
            self.expected = self.expected.saturating_sub(1);
            self.looked(core);
        }
    }

    fn close_all(&mut self, core: &mut Core) {
        let asked = self.asked.take().map(|(_, conn)| conn);
        for conn in std::mem::take(&mut self.looking).into_keys().chain(asked) {
            core.close(conn, self.me.0, true);
        }
        self.found = None;
    }
}
