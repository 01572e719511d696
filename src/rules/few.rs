//! Short lists that need no allocation.

/// Up to `N` values in order, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Few<T, const N: usize> {
    items: [Option<T>; N],
    count: u8,
}

impl<T: Copy + PartialEq, const N: usize> Few<T, N> {
    /// None yet.
    pub const fn new() -> Self {
        Self { items: [None; N], count: 0 }
    }

    /// Adds one at the end; more than `N` are never added by the rules.
    pub fn push(&mut self, item: T) {
        self.items[usize::from(self.count)] = Some(item);
        self.count += 1;
    }

    /// Takes the last one.
    pub fn pop(&mut self) -> Option<T> {
        self.count = self.count.checked_sub(1)?;
        self.items[usize::from(self.count)].take()
    }

    /// Takes one out and closes the gap; false if it was not there.
    pub fn remove(&mut self, item: T) -> bool {
        let Some(place) = self.iter().position(|held| held == item) else { return false };
        self.items.copy_within(place + 1..usize::from(self.count), place);
        self.pop();
        true
    }

    /// Whether it is there.
    pub fn contains(&self, item: T) -> bool {
        self.iter().any(|held| held == item)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = T> + use<'_, T, N> {
        self.items[..usize::from(self.count)].iter().filter_map(|item| *item)
    }
}

impl<T: Copy + PartialEq, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Copy + PartialEq, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Self::new();
        items.into_iter().for_each(|item| few.push(item));
        few
    }
}
