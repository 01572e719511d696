//! What a node's host asks of the servers, and what they answer.

use std::collections::VecDeque;

use nineflags::host::{self, Host, Input};
use nineflags::protocol::ClosedWhy;
use nineflags::table::copy::Answer;

use super::super::held::{Command, Live, Mover, Reply};
use super::super::plan::{Fault, Without};
use super::super::redis::Deaf;
use super::driver::{Kind, Pending, account, node_id};
use super::{Checked, World};
use crate::model::game::table;

impl World {
    pub(super) fn exchange(
        &mut self,
        node: usize,
        exchange: host::Exchange,
        command: host::Command,
        inputs: &mut VecDeque<Input>,
    ) {
        let shard = self.shard();
        let (group, command, kind) = match command {
            host::Command::Append(proposal, Some(mover), _) => {
                let seat = usize::from(mover.account != account(0));
                let session = u32::try_from(mover.session.0.as_u128() - 0x5e55_0000).expect("small");
                let mover = Mover { seat, session };
                // While the data group is away nobody can have taken over, and the seat's node knows its session.
                let is_asked = self.plan.without != Without::Session && !self.nodes[node].away[0];
                if self.plan.apart && is_asked {
                    let number = self.send(node, 0, Command::IsLive(mover));
                    return self.nodes[node].pending.push((number, Pending::Live(exchange, proposal)));
                }
                (shard, Command::Append(proposal, (!self.plan.apart).then_some(mover)), Kind::Append)
            }
            host::Command::Append(proposal, None, _) => {
                (shard, Command::Append(proposal, None), Kind::Append)
            }
            host::Command::Read => (shard, Command::Read, Kind::Read),
            host::Command::Info | host::Command::DurableInfo => (0, Command::Info, Kind::Info),
            host::Command::Ended => (0, Command::Info, Kind::Ended),
            host::Command::Where(whose) => (0, Command::Where(usize::from(whose != account(0))), Kind::Where),
            host::Command::Finish(chain) => (0, Command::Archive(chain.entries().to_vec()), Kind::Step),
            host::Command::Close => (0, Command::Close, Kind::Step),
            host::Command::Watch(_) => {
                return inputs.push_back(Input::Reply(exchange, host::Reply::Watchers(0)));
            }
            host::Command::SavedCounts(_)
            | host::Command::Say(..)
            | host::Command::KeepStream
            | host::Command::SavedAfter(_)
            | host::Command::Resumed
            | host::Command::DropStream(_)
            | host::Command::Deadline => {
                return inputs.push_back(Input::Reply(exchange, host::Reply::Done(true)));
            }
        };
        let number = self.send(node, group, command);
        self.nodes[node].pending.push((number, Pending::Host(exchange, kind)));
    }

    /// A reply has come.
    pub(super) fn reply(&mut self, node: usize, exchange: u64, reply: Reply) -> Checked<()> {
        let pending = &mut self.nodes[node].pending;
        let Some(at) = pending.iter().position(|(number, _)| *number == exchange) else {
            if matches!(reply, Reply::Append(_)) {
                self.hit(Fault::LateAnswer);
            }
            return Ok(());
        };
        let (_, pending) = pending.swap_remove(at);
        if self.nodes[node].slow_until_ms > self.now_ms {
            self.hit(Fault::LateReply);
        }
        if let Reply::Entries(entries) = &reply {
            self.check_read(node, entries)?;
        }
        if let Reply::Failed(deaf) = &reply {
            return self.failed(node, &pending, *deaf);
        }
        match (pending, reply) {
            (Pending::Errand(mover), reply) => self.errand(node, mover, reply),
            (Pending::Open, Reply::Info(true)) => self.open(node),
            (Pending::Open, _) => {
                self.close(node);
                Ok(())
            }
            (Pending::Live(exchange, proposal), Reply::Live(true)) => {
                let shard = self.shard();
                let number = self.send(node, shard, Command::Append(proposal, None));
                self.nodes[node].pending.push((number, Pending::Host(exchange, Kind::Append)));
                Ok(())
            }
            (Pending::Live(exchange, ..), _) => {
                let answer = host::Reply::Appended(Answer::NotLive);
                self.input(node, Input::Reply(exchange, answer))
            }
            (Pending::Host(exchange, kind), reply) => {
                let reply = match (kind, reply) {
                    (Kind::Append, Reply::Append(answer)) => host::Reply::Appended(answer),
                    (Kind::Read, Reply::Entries(entries)) => host::Reply::Entries(entries),
                    (Kind::Info, Reply::Info(there)) => {
                        host::Reply::Info(there.then(|| Box::new(self.info())), self.now_ms)
                    }
                    (Kind::Ended, Reply::Info(there)) => {
                        host::Reply::Ended((!there).then_some(ClosedWhy::Finished))
                    }
                    (Kind::Where, Reply::Where(live)) => {
                        host::Reply::Where(live.map(|live: Live| node_id(live.place)))
                    }
                    (Kind::Step, Reply::Ok) => host::Reply::Done(true),
                    (kind, reply) => return Err(format!("node {node} waits for {kind:?} and got {reply:?}")),
                };
                self.input(node, Input::Reply(exchange, reply))
            }
        }
    }

    fn open(&mut self, node: usize) -> Checked<()> {
        self.nodes[node].host = Some(Host::new(table(), self.settings(node), self.info()));
        self.input(node, Input::Open)?;
        for input in std::mem::take(&mut self.nodes[node].early) {
            self.input(node, input)?;
        }
        Ok(())
    }

    /// What was waited for has no known fate.
    pub(super) fn failed(&mut self, node: usize, pending: &Pending, deaf: Deaf) -> Checked<()> {
        match pending {
            Pending::Host(exchange, kind) => {
                if deaf != Deaf::NotPrimary && matches!(kind, Kind::Append | Kind::Read) {
                    self.set_away(node, self.shard(), true)?;
                }
                self.input(node, Input::Reply(*exchange, host::Reply::Failed { may_pass: true }))
            }
            Pending::Live(exchange, ..) => {
                self.input(node, Input::Reply(*exchange, host::Reply::Failed { may_pass: true }))
            }
            Pending::Open => {
                self.nodes[node].early.clear();
                self.nodes[node].waiting.clear();
                Ok(())
            }
            Pending::Errand(_) => Ok(()),
        }
    }
}
