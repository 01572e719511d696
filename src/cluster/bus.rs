//! The bus: one subscriber connection to a Redis group, kept alive, resubscribed and probed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::ids::NodeId;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::redis::primary::Primary;
use crate::redis::timeouts;
use crate::redis::wire;
use crate::store::keys;

/// How often the connection is probed: by a PING, and by a publication to a channel of its own.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// A connection that hears none of its own publications for so long hears nothing.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// The longest pause between two attempts to connect.
const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// Commands and events that may wait.
pub const QUEUE: usize = 4_096;

/// What the bus tells its node.
#[derive(Debug)]
pub enum Heard {
    /// A message on a channel.
    Message {
        /// The channel.
        channel: String,
        /// The text published.
        payload: String,
    },
    /// The connection is new, or what was heard was not taken in time: what was published meanwhile is lost, so everything
    /// held must be read again.
    Reload,
}

#[derive(Debug)]
enum Command {
    Listen(String, oneshot::Sender<()>),
    Forget(String),
}

/// The connection could not subscribe in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bus is down")]
pub struct BusDown;

/// Handle of the bus of one group.
#[derive(Debug, Clone)]
pub struct Bus {
    commands: mpsc::Sender<Command>,
    up: watch::Receiver<bool>,
}

impl Bus {
    /// The handle, what is heard, and the task to spawn; it ends when the last handle is dropped.
    pub fn open(
        group: Group,
        always: Vec<String>,
    ) -> (Self, mpsc::Receiver<Heard>, impl Future<Output = ()> + use<>) {
        let (commands, inbox) = mpsc::channel(QUEUE);
        let (heard, events) = mpsc::channel(QUEUE);
        let (up_sender, up) = watch::channel(false);
        let probe = keys::probe(NodeId::random());
        let mut wanted: HashMap<String, u32> = always.into_iter().map(|channel| (channel, 1)).collect();
        wanted.insert(probe.clone(), 1);
        let waiting = Vec::new();
        let subscriber = Subscriber { group, wanted, probe, waiting, inbox, heard, up: up_sender };
        (Self { commands, up }, events, subscriber.run())
    }

    /// Subscribes to a channel; what is published from now on will be heard, as long as what it gives is kept.
    pub async fn listen(&self, channel: String) -> Result<Listening, BusDown> {
        let (done, wait) = oneshot::channel();
        let asked = async {
            self.commands.send(Command::Listen(channel.clone(), done)).await.map_err(|_| BusDown)?;
            wait.await.map_err(|_| BusDown)
        };
        timeout(2 * timeouts::SUBSCRIBE, asked).await.map_err(|_| BusDown)??;
        Ok(Listening { commands: self.commands.clone(), channel })
    }

    /// Whether channels are heard at present.
    pub fn is_up(&self) -> bool {
        *self.up.borrow()
    }
}

/// One listens to a channel until this is dropped; the last one unsubscribes, some time soon.
#[derive(Debug)]
pub struct Listening {
    commands: mpsc::Sender<Command>,
    channel: String,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let forget = Command::Forget(std::mem::take(&mut self.channel));
        // If the bus is gone there is nothing left to forget.
        if let Err(TrySendError::Full(forget)) = self.commands.try_send(forget)
            && let Ok(runtime) = Handle::try_current()
        {
            let commands = self.commands.clone();
            runtime.spawn(async move { drop(commands.send(forget).await) });
        }
    }
}

/// However it ends, nothing is heard any more.
impl Drop for Subscriber {
    fn drop(&mut self) {
        self.up.send_replace(false);
    }
}

struct Subscriber {
    group: Group,
    /// How many listen to each channel on this node.
    wanted: HashMap<String, u32>,
    /// Nobody else publishes to it.
    probe: String,
    /// Those who began to listen while there was no connection.
    waiting: Vec<(String, oneshot::Sender<()>)>,
    inbox: mpsc::Receiver<Command>,
    heard: mpsc::Sender<Heard>,
    up: watch::Sender<bool>,
}

/// Why one connection came to its end.
enum End {
    /// Connect again.
    Lost(String),
    /// Nobody listens any more.
    Finished,
}

impl Subscriber {
    async fn run(mut self) {
        let mut pause = Duration::from_millis(20);
        loop {
            let began = Instant::now();
            match self.connection().await {
                End::Finished => return,
                End::Lost(why) => {
                    self.up.send_replace(false);
                    tracing::warn!(group = self.group.name(), why, "the bus lost its connection");
                }
            }
            pause = if began.elapsed() > BACKOFF_MAX {
                Duration::from_millis(20)
            } else {
                (pause * 2).min(BACKOFF_MAX)
            };
            if !self.pause(pause).await {
                return;
            }
        }
    }

    /// Waits before the next attempt, and notes meanwhile who listens, which the next connection brings about; false when
    /// nobody does any more.
    async fn pause(&mut self, pause: Duration) -> bool {
        let (gone, waiting) =
            std::mem::take(&mut self.waiting).into_iter().partition(|(_, done)| done.is_closed());
        self.waiting = waiting;
        for (channel, _) in gone {
            self.unwant(&channel);
        }
        let group = self.group.clone();
        let end = async {
            tokio::select! {
                () = sleep(pause) => {}
                // No longer than it is away.
                () = async { group.away().await; group.back().await } => {}
            }
        };
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return true,
                command = self.inbox.recv() => match command {
                    None => return false,
                    Some(Command::Listen(channel, done)) => {
                        *self.wanted.entry(channel.clone()).or_default() += 1;
                        self.waiting.push((channel, done));
                    }
                    Some(Command::Forget(channel)) => drop(self.unwant(&channel)),
                },
            }
        }
    }

    /// One listens to a channel no longer; true if that was the last one.
    fn unwant(&mut self, channel: &str) -> bool {
        let Some(listeners) = self.wanted.get_mut(channel) else { return false };
        *listeners -= 1;
        let last = *listeners == 0;
        if last {
            self.wanted.remove(channel);
        }
        last
    }

    /// One connection from its first subscription to its loss.
    async fn connection(&mut self) -> End {
        let (mut sink, mut stream, primary) = match self.connect().await {
            Ok(connected) => connected,
            Err(why) => return End::Lost(why),
        };
        if self.heard.send(Heard::Reload).await.is_err() {
            return End::Finished;
        }
        self.up.send_replace(true);
        for (channel, done) in std::mem::take(&mut self.waiting) {
            if let Err(why) = self.tell_listening(&mut sink, channel, done).await {
                return End::Lost(why);
            }
        }
        let mut probe = interval(PROBE_EVERY);
        probe.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard_at = Instant::now();
        // Something was dropped, since the node is behind. What comes on the connection is taken all the same: the
        // library's own queue has no bound.
        let mut is_behind = false;
        let heard = self.heard.clone();
        loop {
            tokio::select! {
                () = primary.left() => return End::Lost("the primary is another".to_owned()),
                message = stream.next() => {
                    let Some(message) = message else { return End::Lost("closed".to_owned()) };
                    let Ok(payload) = message.get_payload::<String>() else { continue };
                    let channel = message.get_channel_name().to_owned();
                    heard_at = Instant::now();
                    if channel == self.probe {
                        continue;
                    }
                    if is_behind {
                        continue;
                    }
                    match heard.try_send(Heard::Message { channel, payload }) {
                        Ok(()) => {}
                        Err(TrySendError::Full(_)) => {
                            tracing::warn!(group = self.group.name(), "the node is behind its bus, and reads again");
                            is_behind = true;
                        }
                        Err(TrySendError::Closed(_)) => return End::Finished,
                    }
                }
                room = heard.reserve(), if is_behind => match room {
                    Ok(room) => {
                        room.send(Heard::Reload);
                        is_behind = false;
                    }
                    Err(_) => return End::Finished,
                },
                command = self.inbox.recv() => match command {
                    None => return End::Finished,
                    Some(command) => if let Err(why) = self.carry_out(&mut sink, command).await {
                        return End::Lost(why);
                    },
                },
                _ = probe.tick() => {
                    if let Err(why) = in_time(sink.ping::<redis::Value>()).await {
                        return End::Lost(why);
                    }
                    if heard_at.elapsed() > SILENCE_MAX {
                        return End::Lost("silent although it publishes to itself".to_owned());
                    }
                    tokio::spawn(publish(self.group.clone(), self.probe.clone()));
                }
            }
        }
    }

    async fn connect(&self) -> Result<(PubSubSink, PubSubStream, Arc<Primary>), String> {
        let (connection, primary) = self.group.subscriber().await.map_err(|error| error.to_string())?;
        let (mut sink, stream) = connection.split();
        let channels: Vec<&String> = self.wanted.keys().collect();
        in_time(sink.subscribe(channels)).await?;
        Ok((sink, stream, primary))
    }

    async fn carry_out(&mut self, sink: &mut PubSubSink, command: Command) -> Result<(), String> {
        match command {
            Command::Listen(channel, done) => {
                in_time(sink.subscribe(&channel)).await?;
                *self.wanted.entry(channel.clone()).or_default() += 1;
                self.tell_listening(sink, channel, done).await
            }
            Command::Forget(channel) => self.forget(sink, &channel).await,
        }
    }

    /// Tells that a channel is heard; an asker who gave up waiting does not listen.
    async fn tell_listening(
        &mut self,
        sink: &mut PubSubSink,
        channel: String,
        done: oneshot::Sender<()>,
    ) -> Result<(), String> {
        if done.send(()).is_err() { self.forget(sink, &channel).await } else { Ok(()) }
    }

    async fn forget(&mut self, sink: &mut PubSubSink, channel: &str) -> Result<(), String> {
        if self.unwant(channel) { in_time(sink.unsubscribe(channel)).await } else { Ok(()) }
    }
}

/// A publication that fails is not heard, and that is noticed.
async fn publish(group: Group, channel: String) {
    if let Err(error) = group.probe(&channel).await {
        tracing::debug!(%error, "the bus could not publish to itself");
    }
}

async fn in_time<T>(command: impl Future<Output = redis::RedisResult<T>>) -> Result<T, String> {
    wire::in_time(timeouts::SUBSCRIBE, command).await.map_err(StoreError::into_words)
}
