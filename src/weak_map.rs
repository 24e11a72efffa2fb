//! [`WeakMap`]: what several owners share, found by a key for as long as one of them keeps it.

use std::hash::Hash;
use std::sync::{Arc, Weak};

use foldhash::HashMap;

/// Entries below which dead ones are not looked for.
const MIN_PURGED: usize = 32;

/// Values that others own, by keys.
#[derive(Debug)]
pub(crate) struct WeakMap<K, V: ?Sized> {
    entries: HashMap<K, Weak<V>>,
    /// How many entries were alive when the dead ones were last removed.
    alive: usize,
}

impl<K, V: ?Sized> Default for WeakMap<K, V> {
    fn default() -> Self {
        WeakMap { entries: HashMap::default(), alive: 0 }
    }
}

impl<K: Eq + Hash, V: ?Sized> WeakMap<K, V> {
    /// The value, if it was given and somebody still has it.
    pub(crate) fn get(&self, key: &K) -> Option<Arc<V>> {
        self.entries.get(key)?.upgrade()
    }

    /// Makes the value known. Dead entries are removed whenever half could be, so that there are never many more than
    /// twice as many as values.
    pub(crate) fn insert(&mut self, key: K, value: &Arc<V>) {
        if self.entries.len() >= MIN_PURGED.max(2 * self.alive) {
            self.entries.retain(|_, value| value.strong_count() > 0);
            self.alive = self.entries.len();
        }
        self.entries.insert(key, Arc::downgrade(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_while_they_live_and_dead_entries_do_not_stay() {
        let mut map: WeakMap<usize, str> = WeakMap::default();
        let kept: Arc<str> = Arc::from("kept");
        map.insert(0, &kept);
        for key in 1..10_000 {
            map.insert(key, &Arc::from("dropped"));
            assert!(map.get(&key).is_none());
        }
        assert_eq!(map.get(&0).as_deref(), Some("kept"));
        assert!(map.entries.len() <= MIN_PURGED + 1, "{}", map.entries.len());
    }
}
