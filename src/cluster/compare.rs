//! Copies held against what each Redis group has of them, group by group: how far the streams are, and how much is saved.

use super::driver::ToTable;
use super::shards::Shard;
use super::tables::Tables;
use crate::ids::TableId;
use crate::redis::error::StoreError;
use crate::redis::group::Group;

/// Tables compared with a group in one exchange, at most.
const COMPARED_MAX: usize = 500;

impl Tables {
    /// Compares copies with what one group has of them, the first `most` tables after one (or all): what differs is read
    /// again. Gives the last table compared, from which to go on; none after the last of all.
    pub async fn compare(
        &self,
        group: &Group,
        after: Option<TableId>,
        most: usize,
    ) -> Result<Option<TableId>, StoreError> {
        let mut tables = self.shared.at(group);
        tables.retain(|(table, _)| after.is_none_or(|after| *table > after));
        tables.sort_unstable();
        let more = tables.len() > most;
        tables.truncate(most);
        for tables in tables.chunks(COMPARED_MAX) {
            let compared = self.shared.store.tables_compare(group, self.shared.node, tables).await?;
            for ((table, _), compared) in tables.iter().zip(compared) {
                self.shared.hand_on(*table, ToTable::Compared(compared));
            }
        }
        Ok(tables.last().map(|(table, _)| *table).filter(|_| more))
    }

    /// Tells keepers how much of what others appended to one group is saved: one look at the streams and one wait for all.
    pub async fn settle(&self, shard: &Shard) -> Result<(), StoreError> {
        let store = &self.shared.store;
        let place = |table| Some((table, self.shared.shard_of(table)?));
        let tables: Vec<(TableId, usize)> = shard.take_unsettled().into_iter().filter_map(place).collect();
        for (number, chunk) in tables.chunks(COMPARED_MAX).enumerate() {
            // What the primary has now is saved once every replica has all that this primary was given until then.
            match shard.group.settled(store.tables_compare(&shard.group, self.shared.node, chunk)).await {
                Ok(compared) => {
                    for ((table, _), compared) in chunk.iter().zip(compared) {
                        if let Some(tip) = compared.tip {
                            self.shared.hand_on(*table, ToTable::DurableTip(tip));
                        }
                    }
                }
                Err(error) => {
                    for (table, _) in &tables[number * COMPARED_MAX..] {
                        shard.settle(*table);
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
