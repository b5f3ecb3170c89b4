//! Places in the pool of an engine, so that who starts instances can count them beforehand.

/// Places in the pool of an engine: what one instance takes, or what there is in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolShare {
    /// Instances of components.
    pub instances: u32,
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
}

impl PoolShare {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            instances: self.instances.saturating_add(other.instances),
            memories: self.memories.saturating_add(other.memories),
            tables: self.tables.saturating_add(other.tables),
        }
    }

    /// What is left without the other.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            instances: self.instances.saturating_sub(other.instances),
            memories: self.memories.saturating_sub(other.memories),
            tables: self.tables.saturating_sub(other.tables),
        }
    }

    /// Whether there is room for it in the other.
    #[must_use]
    pub fn fits(self, other: Self) -> bool {
        self.instances <= other.instances && self.memories <= other.memories && self.tables <= other.tables
    }
}
