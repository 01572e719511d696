//! A sorted list in small parts, which is copied in one go: whoever looks through it holds a copy of its own, and a change
//! costs one part.

use std::borrow::Borrow;
use std::sync::Arc;

/// Rows in one part, at most.
const PART: usize = 128;

/// Rows in the order of their keys, each key once.
#[derive(Debug, Clone)]
pub struct Sorted<K, V> {
    /// Never empty ones.
    parts: Vec<Arc<Vec<(K, V)>>>,
    len: usize,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { parts: Vec::new(), len: 0 }
    }
}

impl<K: Ord + Clone, V: Clone> Sorted<K, V> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let part = self.parts.get(self.part_of(key))?;
        part.binary_search_by(|(other, _)| key.cmp(other.borrow()).reverse()).ok().map(|place| &part[place].1)
    }

    /// The row of a key, to be changed.
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.part_of(key);
        let part = self.parts.get_mut(at)?;
        let place = part.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        Some(&mut Arc::make_mut(part)[place].1)
    }

    /// Puts a row in, in the place of one with the same key.
    pub fn insert(&mut self, key: K, row: V) {
        if self.parts.is_empty() {
            self.parts.push(Arc::default());
        }
        let at = self.part_of(&key).min(self.parts.len() - 1);
        let part = Arc::make_mut(&mut self.parts[at]);
        match part.binary_search_by(|(other, _)| other.cmp(&key)) {
            Ok(place) => part[place].1 = row,
            Err(place) => {
                part.insert(place, (key, row));
                self.len += 1;
                if part.len() > PART {
                    let rest = part.split_off(PART / 2);
                    self.parts.insert(at + 1, Arc::new(rest));
                }
            }
        }
    }

    /// Takes the row of a key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.part_of(key);
        let part = self.parts.get_mut(at)?;
        let place = part.binary_search_by(|(other, _)| other.cmp(key)).ok()?;
        let (_, row) = Arc::make_mut(part).remove(place);
        self.len -= 1;
        if part.is_empty() {
            self.parts.remove(at);
        }
        Some(row)
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + Clone {
        self.parts.iter().flat_map(|part| part.iter()).map(|(key, row)| (key, row))
    }

    /// Some rows from a place on, in order: what comes before is skipped part by part.
    pub fn from(&self, place: usize, most: usize) -> impl Iterator<Item = (&K, &V)> {
        let mut skipped = 0;
        let first = self.parts.iter().position(|part| {
            let is_here = skipped + part.len() > place;
            skipped += if is_here { 0 } else { part.len() };
            is_here
        });
        let parts = self.parts[first.unwrap_or(self.parts.len())..].iter();
        let rows = parts.flat_map(|part| part.iter()).map(|(key, row)| (key, row));
        rows.skip(place - skipped.min(place)).take(most)
    }

    /// The part that has a key, or would have it.
    fn part_of<Q: Ord + ?Sized>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
    {
        self.parts.partition_point(|part| part.last().is_some_and(|(last, _)| key.cmp(last.borrow()).is_gt()))
    }
}
