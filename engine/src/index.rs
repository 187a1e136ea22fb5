//! Which slot holds the row with a key.
//!
//! Hashing has a fixed seed and the table's own order is never seen: rows are found by key, or in the order that a
//! retention list keeps. One integer key, by far the most usual, is kept as a number; all other keys as bytes.

use foldhash::SharedSeed;
use foldhash::fast::FoldHasher;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::Hasher as _;
use types::{Column, EventBlock, FieldType, Schema};

/// Where a row of a [`crate::table::Table`] lies; slots are used again after their row has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(pub(crate) u32);

impl Slot {
    pub(crate) const fn at(self) -> usize {
        self.0 as usize
    }
}

/// A row's key, as the index compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Number(i64),
    /// All key fields, in schema order, each in a form of its own length.
    Bytes(&'a [u8]),
}

/// What happened to a key that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// It is new; the row goes here.
    New(Slot),
    /// It is there already, here.
    Present(Slot),
}

/// Reads the keys of a block's rows.
#[derive(Debug)]
pub(crate) struct KeyReader {
    /// Positions of the key fields in the block, in the order of the window's own schema.
    fields: Vec<usize>,
    bytes: Vec<u8>,
}

/// The keys of one block's rows.
#[derive(Debug)]
pub(crate) struct BlockKeys<'a> {
    reader: &'a mut KeyReader,
    block: &'a EventBlock,
    /// All keys, when they are one column of 64-bit numbers without a null.
    plain: Option<&'a [i64]>,
}

impl BlockKeys<'_> {
    /// The key of row `row`, or `None` when one of its fields is null.
    #[inline]
    pub(crate) fn read(&mut self, row: usize) -> Option<Key<'_>> {
        match self.plain {
            Some(keys) => Some(Key::Number(keys[row])),
            None => self.reader.read(self.block, row),
        }
    }
}

impl KeyReader {
    pub(crate) fn new(fields: Vec<usize>) -> Self {
        Self { fields, bytes: Vec::new() }
    }

    /// Reads from a block.
    pub(crate) fn of<'a>(&'a mut self, block: &'a EventBlock) -> BlockKeys<'a> {
        let plain = match self.fields[..] {
            [field] => match &block.columns[field] {
                Column::Int64(column) | Column::Date(column) | Column::Stamp(column) | Column::Money(column) => {
                    column.nulls.is_empty().then_some(column.values.as_slice())
                }
                Column::Int32(_) | Column::Double(_) | Column::String(_) | Column::Blob(_) => None,
            },
            _ => None,
        };
        BlockKeys { reader: self, block, plain }
    }

    fn read<'a>(&'a mut self, block: &EventBlock, row: usize) -> Option<Key<'a>> {
        if let [field] = self.fields[..] {
            match &block.columns[field] {
                Column::Int32(column) => return column.get(row).map(|value| Key::Number(i64::from(value))),
                Column::Int64(column) | Column::Date(column) | Column::Stamp(column) | Column::Money(column) => {
                    return column.get(row).map(Key::Number);
                }
                Column::Double(_) | Column::String(_) | Column::Blob(_) => {}
            }
        }
        self.bytes.clear();
        for &field in &self.fields {
            append_key(&mut self.bytes, &block.columns[field], row)?;
        }
        Some(Key::Bytes(&self.bytes))
    }
}

/// The key of a row whose only key field is this text.
pub(crate) fn text_key<'a>(bytes: &'a mut Vec<u8>, text: &str) -> Key<'a> {
    bytes.clear();
    append_bytes(bytes, text.as_bytes());
    Key::Bytes(bytes)
}

fn append_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
    bytes.extend_from_slice(value);
}

/// Adds a value so that no two different keys have the same bytes; `None` when it is null.
fn append_key(bytes: &mut Vec<u8>, column: &Column, row: usize) -> Option<()> {
    match column {
        Column::Int32(column) => bytes.extend_from_slice(&column.get(row)?.to_le_bytes()),
        Column::Int64(column) | Column::Date(column) | Column::Stamp(column) | Column::Money(column) => {
            bytes.extend_from_slice(&column.get(row)?.to_le_bytes());
        }
        Column::Double(column) => {
            // Minus zero is zero's key too.
            let value = column.get(row)? + 0.0;
            bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
        Column::String(column) | Column::Blob(column) => append_bytes(bytes, column.get(row)?),
    }
    Some(())
}

/// The keys of the rows that a window holds.
#[derive(Debug)]
pub(crate) struct Index {
    table: HashTable<u32>,
    keys: Keys,
    /// Slots below this have been used.
    used: u32,
    /// Used slots whose row has left; the last one freed is used first, for it is still in the cache.
    free: Vec<u32>,
}

/// By slot; what stands in a free slot means nothing.
#[derive(Debug)]
enum Keys {
    Numbers(Vec<i64>),
    Bytes(Vec<Vec<u8>>),
}

impl Index {
    /// An empty index for windows of this schema.
    pub(crate) fn new(schema: &Schema) -> Self {
        let one_number = match schema.keys() {
            [key] => match schema.fields()[*key].field_type {
                FieldType::Int32 | FieldType::Int64 | FieldType::Date | FieldType::Stamp | FieldType::Money => true,
                FieldType::Double | FieldType::String | FieldType::Blob => false,
            },
            _ => false,
        };
        let keys = if one_number { Keys::Numbers(Vec::new()) } else { Keys::Bytes(Vec::new()) };
        Self { table: HashTable::new(), keys, used: 0, free: Vec::new() }
    }

    /// Forgets all rows, keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.table.clear();
        self.used = 0;
        self.free.clear();
    }

    /// Slots are below this.
    pub(crate) fn slots(&self) -> usize {
        self.used as usize
    }

    /// How many slots have been used, and which of them are free, the one to use next at the end.
    pub(crate) fn layout(&self) -> (u32, &[u32]) {
        (self.used, &self.free)
    }

    /// Takes over what [`Index::layout`] gave; keys follow by [`Index::restore_key`].
    pub(crate) fn restore_layout(&mut self, used: u32, free: Vec<u32>) {
        (self.used, self.free) = (used, free);
    }

    /// Makes room for `rows` more keys, in slots below `slots`.
    pub(crate) fn reserve(&mut self, slots: u32, rows: usize) {
        match &mut self.keys {
            Keys::Numbers(keys) => {
                keys.resize(slots as usize, 0);
                self.table.reserve(rows, |&slot| hash_number(keys[slot as usize]));
            }
            Keys::Bytes(keys) => {
                keys.resize(slots as usize, Vec::new());
                self.table.reserve(rows, |&slot| hash_bytes(&keys[slot as usize]));
            }
        }
    }

    /// Puts a key into a slot that room was made for; false when the key is there already.
    pub(crate) fn restore_key(&mut self, key: Key<'_>, slot: Slot) -> bool {
        let entry = match (&mut self.keys, key) {
            (Keys::Numbers(keys), Key::Number(key)) => {
                keys[slot.at()] = key;
                let is_it = |&slot: &u32| keys[slot as usize] == key;
                self.table.entry(hash_number(key), is_it, |&slot| hash_number(keys[slot as usize]))
            }
            (Keys::Bytes(keys), Key::Bytes(key)) => {
                keys[slot.at()].extend_from_slice(key);
                let is_it = |&slot: &u32| keys[slot as usize] == key;
                self.table.entry(hash_bytes(key), is_it, |&slot| hash_bytes(&keys[slot as usize]))
            }
            (Keys::Numbers(_), Key::Bytes(_)) | (Keys::Bytes(_), Key::Number(_)) => mismatch(),
        };
        match entry {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(slot.0);
                true
            }
        }
    }

    /// Where the row with this key is.
    #[inline]
    pub(crate) fn find(&self, key: Key<'_>) -> Option<Slot> {
        let found = match (&self.keys, key) {
            (Keys::Numbers(keys), Key::Number(key)) => {
                self.table.find(hash_number(key), |&slot| keys[slot as usize] == key)
            }
            (Keys::Bytes(keys), Key::Bytes(key)) => {
                self.table.find(hash_bytes(key), |&slot| keys[slot as usize] == key)
            }
            (Keys::Numbers(_), Key::Bytes(_)) | (Keys::Bytes(_), Key::Number(_)) => mismatch(),
        };
        found.map(|&slot| Slot(slot))
    }

    /// Makes room for a row with this key, unless there is one.
    #[inline]
    pub(crate) fn place(&mut self, key: Key<'_>) -> Placed {
        let slot = self.free.last().copied().unwrap_or(self.used);
        match (&mut self.keys, key) {
            (Keys::Numbers(keys), Key::Number(key)) => {
                let is_it = |&slot: &u32| keys[slot as usize] == key;
                match self.table.entry(hash_number(key), is_it, |&slot| hash_number(keys[slot as usize])) {
                    Entry::Occupied(entry) => return Placed::Present(Slot(*entry.get())),
                    Entry::Vacant(entry) => entry.insert(slot),
                };
                match keys.get_mut(slot as usize) {
                    Some(place) => *place = key,
                    None => keys.push(key),
                }
            }
            (Keys::Bytes(keys), Key::Bytes(key)) => {
                let is_it = |&slot: &u32| keys[slot as usize] == key;
                match self.table.entry(hash_bytes(key), is_it, |&slot| hash_bytes(&keys[slot as usize])) {
                    Entry::Occupied(entry) => return Placed::Present(Slot(*entry.get())),
                    Entry::Vacant(entry) => entry.insert(slot),
                };
                match keys.get_mut(slot as usize) {
                    Some(place) => {
                        place.clear();
                        place.extend_from_slice(key);
                    }
                    None => keys.push(key.to_vec()),
                }
            }
            (Keys::Numbers(_), Key::Bytes(_)) | (Keys::Bytes(_), Key::Number(_)) => mismatch(),
        }
        if self.free.pop().is_none() {
            self.used += 1;
        }
        Placed::New(Slot(slot))
    }

    /// Frees the slot of the row with this key, if there is one.
    #[inline]
    pub(crate) fn remove(&mut self, key: Key<'_>) -> Option<Slot> {
        let found = match (&self.keys, key) {
            (Keys::Numbers(keys), Key::Number(key)) => {
                self.table.find_entry(hash_number(key), |&slot| keys[slot as usize] == key)
            }
            (Keys::Bytes(keys), Key::Bytes(key)) => {
                self.table.find_entry(hash_bytes(key), |&slot| keys[slot as usize] == key)
            }
            (Keys::Numbers(_), Key::Bytes(_)) | (Keys::Bytes(_), Key::Number(_)) => mismatch(),
        };
        let (slot, _) = found.ok()?.remove();
        self.free.push(slot);
        Some(Slot(slot))
    }

    /// Frees a slot that holds a row.
    #[inline]
    pub(crate) fn remove_slot(&mut self, slot: Slot) {
        let hash = match &self.keys {
            Keys::Numbers(keys) => hash_number(keys[slot.at()]),
            Keys::Bytes(keys) => hash_bytes(&keys[slot.at()]),
        };
        match self.table.find_entry(hash, |&other| other == slot.0) {
            Ok(entry) => {
                entry.remove();
            }
            Err(_) => panic!("slot {} holds no row", slot.0),
        }
        self.free.push(slot.0);
    }
}

/// Key readers and indexes are made from the same schema.
#[cold]
fn mismatch() -> ! {
    panic!("a key of another form than the index's")
}

/// Any odd number with well mixed bits will do; equal on all replicas, since nothing may depend on chance.
const NUMBER_SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const BYTES_SEED: u64 = 0x2545_F491_4F6C_DD1D;

#[inline]
fn hash_number(key: i64) -> u64 {
    let product = u128::from(key.cast_unsigned() ^ 0x5851_F42D_4C95_7F2D) * u128::from(NUMBER_SEED);
    (product as u64) ^ ((product >> 64) as u64)
}

#[inline]
fn hash_bytes(key: &[u8]) -> u64 {
    static SHARED: SharedSeed = SharedSeed::from_u64(BYTES_SEED);
    let mut hasher = FoldHasher::with_seed(BYTES_SEED, &SHARED);
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_slot_is_used_again() {
        let mut index = Index::new(&"id*:int64,x:double".parse().unwrap());
        assert_eq!(index.place(Key::Number(7)), Placed::New(Slot(0)));
        assert_eq!(index.place(Key::Number(8)), Placed::New(Slot(1)));
        assert_eq!(index.place(Key::Number(7)), Placed::Present(Slot(0)));
        assert_eq!(index.remove(Key::Number(7)), Some(Slot(0)));
        assert_eq!(index.find(Key::Number(7)), None);
        assert_eq!(index.place(Key::Number(9)), Placed::New(Slot(0)));
        assert_eq!((index.table.len(), index.slots()), (2, 2));
    }

    #[test]
    fn keys_of_several_fields_never_run_into_each_other() {
        let schema: Schema = "a*:string,b*:string".parse().unwrap();
        let mut block = EventBlock::new(&schema);
        for (a, b) in [("ab", "c"), ("a", "bc")] {
            block.columns[0].push(types::Value::String(a)).unwrap();
            block.columns[1].push(types::Value::String(b)).unwrap();
        }
        let mut reader = KeyReader::new(vec![0, 1]);
        let mut index = Index::new(&schema);
        let mut keys = reader.of(&block);
        let first = index.place(keys.read(0).unwrap());
        let second = index.place(keys.read(1).unwrap());
        assert_eq!((first, second), (Placed::New(Slot(0)), Placed::New(Slot(1))));
    }

    #[test]
    fn many_rows_come_and_go() {
        let mut index = Index::new(&"id*:int64,x:double".parse().unwrap());
        for i in 0..10_000_i64 {
            assert!(matches!(index.place(Key::Number(i * 1_000_003)), Placed::New(_)));
            if i >= 100 {
                assert!(index.remove(Key::Number((i - 100) * 1_000_003)).is_some());
            }
        }
        assert_eq!((index.table.len(), index.slots()), (100, 101));
    }
}
