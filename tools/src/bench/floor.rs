//! The floor: the sockets of a node and nothing behind them. A table in memory for two, with the little game of all peers.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{SinkExt, StreamExt};
use redis::aio::MultiplexedConnection;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::little::Game;
use super::options::FloorOptions;

/// Bytes of a connection's read buffer: the library takes 128 KiB unless told otherwise.
const BUFFER: usize = 4 * 1024;
/// Texts that wait for one reader, at most.
const QUEUE: usize = 256;
/// What a welcome of a node reads, about: so many values of so many bytes in one exchange.
const READS: usize = 10;
const READ_BYTES: usize = 200;

#[derive(Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
enum Request {
    Join { table: String, seat: Option<usize> },
    Move { card: usize, flag: usize },
}

type Reader = mpsc::Sender<Utf8Bytes>;

#[derive(Default)]
struct Table {
    game: Game,
    seats: [Option<Reader>; 2],
    watchers: HashMap<u64, Reader>,
}

/// What all connections share.
#[derive(Clone)]
struct Floor {
    tables: Arc<Mutex<HashMap<String, Arc<Mutex<Table>>>>>,
    redis: Option<MultiplexedConnection>,
}

/// One connection's place at a table.
struct Place {
    name: String,
    table: Arc<Mutex<Table>>,
    seat: Option<usize>,
}

/// Serves until whoever started it is gone; says where on standard output.
pub async fn serve(options: FloorOptions) -> Result<(), String> {
    let redis = match options.reads {
        Some(url) => Some(reading(&url).await.map_err(|error| error.to_string())?),
        None => None,
    };
    let floor = Floor { tables: Arc::default(), redis };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    writeln!(std::io::stdout(), "ready at {address}").map_err(|error| error.to_string())?;
    std::thread::spawn(|| {
        // Nothing comes but the end.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    for number in 0.. {
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        tokio::spawn(connection(floor.clone(), stream, number));
    }
    Ok(())
}

async fn reading(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    let mut redis = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let mut values = redis::pipe();
    for number in 0..READS {
        values.set(key(number), "x".repeat(READ_BYTES)).ignore();
    }
    let () = values.query_async(&mut redis).await?;
    Ok(redis)
}

fn key(number: usize) -> String {
    format!("floor:{number}")
}

async fn connection(floor: Floor, stream: TcpStream, id: u64) {
    // A socket that has closed already is found closed when it is read.
    let _ = stream.set_nodelay(true);
    let buffers = WebSocketConfig::default().read_buffer_size(BUFFER).write_buffer_size(0);
    let Ok(socket) = tokio_tungstenite::accept_async_with_config(stream, Some(buffers)).await else { return };
    let (mut out, mut input) = socket.split();
    let (reader, mut texts) = mpsc::channel(QUEUE);
    let writing = tokio::spawn(async move {
        while let Some(text) = texts.recv().await {
            if out.send(Message::Text(text)).await.is_err() {
                return;
            }
        }
    });
    let mut place = None;
    while let Some(Ok(message)) = input.next().await {
        let Message::Text(text) = message else { continue };
        match (serde_json::from_str(&text), &place) {
            (Ok(Request::Join { table, seat }), None) => {
                floor.read().await;
                place = Some(floor.join(table, seat, id, &reader));
            }
            (Ok(Request::Move { card, flag }), Some(Place { table, seat: Some(seat), .. })) => {
                if let Err(words) = locked(table).play(*seat, card, flag) {
                    say(&reader, &refused(words));
                }
            }
            _ => say(&reader, &refused("that cannot be asked")),
        }
    }
    if let Some(place) = place {
        floor.leave(&place, id);
    }
    drop(reader);
    // It ends with the last text that waits.
    let _ = writing.await;
}

impl Floor {
    async fn read(&self) {
        let Some(mut redis) = self.redis.clone() else { return };
        let mut reads = redis::pipe();
        for number in 0..READS {
            reads.get(key(number));
        }
        // What is read is of no interest, only that it is.
        let _: redis::RedisResult<Vec<String>> = reads.query_async(&mut redis).await;
    }

    fn join(&self, name: String, seat: Option<usize>, id: u64, reader: &Reader) -> Place {
        let seat = seat.filter(|seat| *seat < 2);
        let table = Arc::clone(locked(&self.tables).entry(name.clone()).or_default());
        let mut open = locked(&table);
        match seat {
            Some(seat) => open.seats[seat] = Some(reader.clone()),
            None => drop(open.watchers.insert(id, reader.clone())),
        }
        say(reader, &open.game.shown_to(seat).into());
        drop(open);
        Place { name, table, seat }
    }

    fn leave(&self, place: &Place, id: u64) {
        let mut tables = locked(&self.tables);
        let mut table = locked(&place.table);
        match place.seat {
            Some(seat) => table.seats[seat] = None,
            None => drop(table.watchers.remove(&id)),
        }
        if table.watchers.is_empty() && table.seats.iter().all(Option::is_none) {
            tables.remove(&place.name);
        }
    }
}

impl Table {
    fn play(&mut self, seat: usize, card: usize, flag: usize) -> Result<(), &'static str> {
        self.game.place(seat, card, flag)?;
        for (seat, reader) in self.seats.iter().enumerate() {
            if let Some(reader) = reader {
                say(reader, &self.game.shown_to(Some(seat)).into());
            }
        }
        if !self.watchers.is_empty() {
            // Written once for all who read the same.
            let text = self.game.shown_to(None).into();
            self.watchers.values().for_each(|reader| say(reader, &text));
        }
        Ok(())
    }
}

/// Whoever does not read misses it.
fn say(reader: &Reader, text: &Utf8Bytes) {
    let _ = reader.try_send(text.clone());
}

fn refused(words: &str) -> Utf8Bytes {
    serde_json::json!({ "update": "refused", "words": words }).to_string().into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
