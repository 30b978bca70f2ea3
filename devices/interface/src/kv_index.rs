//! Changing keys in memory, for implementations of [`KvRw`](crate::KvRw).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use crate::{Change, KvEntry, KvError, KvKind, Result, is_key};

/// Keys with what an implementation knows of their values, sorted by their bytes.
#[derive(Clone, Debug)]
pub struct KvIndex<V>(BTreeMap<String, V>);

impl<V> Default for KvIndex<V> {
    fn default() -> Self {
        KvIndex(BTreeMap::new())
    }
}

impl<V: Clone> KvIndex<V> {
    /// What is known of the value of `key`.
    ///
    /// # Errors
    /// As [`KvRo::get`](crate::KvRo::get).
    pub fn value(&self, key: &str) -> Result<&V, KvError> {
        match self.0.get(key) {
            Some(value) => Ok(value),
            None if key.is_empty() || self.below(key).next().is_some() => Err(KvError::IsFolder),
            None if is_key(key) => Err(KvError::NotFound),
            None => Err(KvError::BadKey),
        }
    }

    /// As [`KvRo::exists`](crate::KvRo::exists).
    ///
    /// # Errors
    /// [`KvError::BadKey`].
    pub fn kind(&self, key: &str) -> Result<Option<KvKind>, KvError> {
        match self.value(key) {
            Ok(_) => Ok(Some(KvKind::Value)),
            Err(KvError::IsFolder) => Ok(Some(KvKind::Folder)),
            Err(KvError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As [`KvRo::list`](crate::KvRo::list).
    ///
    /// # Errors
    /// [`KvError::NotFound`], [`KvError::IsValue`], [`KvError::BadKey`].
    pub fn names(&self, folder: &str) -> Result<Vec<KvEntry>, KvError> {
        match self.kind(folder)? {
            Some(KvKind::Folder) => {}
            Some(KvKind::Value) => return Err(KvError::IsValue),
            None => return Err(KvError::NotFound),
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut entries: Vec<KvEntry> = Vec::new();
        let mut from = Bound::Included(prefix.clone());
        loop {
            let next = self.0.range::<String, _>((from, Bound::Unbounded)).next();
            let Some(below) = next.and_then(|(key, _)| key.strip_prefix(&*prefix)) else { break };
            from = match below.split_once('/') {
                None => {
                    entries.push(KvEntry { name: below.into(), kind: KvKind::Value });
                    Bound::Excluded(format!("{prefix}{below}"))
                }
                Some((name, _)) => {
                    entries.push(KvEntry { name: name.into(), kind: KvKind::Folder });
                    // `0` is what follows `/`: everything below the name stands before it.
                    Bound::Included(format!("{prefix}{name}0"))
                }
            };
        }
        // `a-b` stands before `a/c` among the keys, and behind `a` among the names.
        entries.sort();
        Ok(entries)
    }

    /// What `changes` would come to, in order; `values` has what is known of each value that is set.
    ///
    /// # Errors
    /// As [`KvRw::batch`](crate::KvRw::batch), as far as it is about keys.
    pub fn plan(
        &self,
        changes: &[Change<'_>],
        values: impl IntoIterator<Item = V>,
    ) -> Result<KvPlan<V>, KvError> {
        let mut plan = KvPlan(BTreeMap::new());
        let mut values = values.into_iter();
        for change in changes {
            match *change {
                Change::Set { key, .. } => {
                    self.check_place(&plan, key)?;
                    plan.0.insert(key.into(), values.next());
                }
                Change::Remove { key } => {
                    self.take(&mut plan, key)?;
                }
                Change::Rename { from, to } => {
                    let value = self.take(&mut plan, from)?;
                    self.check_place(&plan, to)?;
                    plan.0.insert(to.into(), Some(value));
                }
            }
        }
        Ok(plan)
    }

    /// Makes the changes of a plan.
    pub fn apply(&mut self, plan: KvPlan<V>) {
        for (key, value) in plan.0 {
            match value {
                Some(value) => self.0.insert(key, value),
                None => self.0.remove(&key),
            };
        }
    }

    /// Every key with what is known of its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys below `key`.
    fn below<'i>(&'i self, key: &str) -> impl Iterator<Item = &'i str> {
        let prefix = format!("{key}/");
        let from = (Bound::Excluded(prefix.clone()), Bound::Unbounded);
        self.0
            .range::<String, _>(from)
            .map(|(key, _)| key.as_str())
            .take_while(move |k| k.starts_with(&*prefix))
    }

    /// What is known of the value of `key` when `plan` is done.
    fn planned<'i>(&'i self, plan: &'i KvPlan<V>, key: &str) -> Option<&'i V> {
        plan.0.get(key).map_or_else(|| self.0.get(key), Option::as_ref)
    }

    fn is_planned_folder(&self, plan: &KvPlan<V>, key: &str) -> bool {
        let prefix = format!("{key}/");
        let from = (Bound::Excluded(&*prefix), Bound::Unbounded);
        let mut planned = plan.0.range::<str, _>(from).take_while(|(k, _)| k.starts_with(&*prefix));
        planned.any(|(_, value)| value.is_some()) || self.below(key).any(|k| !plan.0.contains_key(k))
    }

    /// Takes the value of `key` out of what `plan` comes to.
    fn take(&self, plan: &mut KvPlan<V>, key: &str) -> Result<V, KvError> {
        match self.planned(plan, key) {
            Some(value) => {
                let value = value.clone();
                plan.0.insert(key.into(), None);
                Ok(value)
            }
            None if key.is_empty() || self.is_planned_folder(plan, key) => Err(KvError::IsFolder),
            None if is_key(key) => Err(KvError::NotFound),
            None => Err(KvError::BadKey),
        }
    }

    /// Whether `key` may have a value when `plan` is done.
    fn check_place(&self, plan: &KvPlan<V>, key: &str) -> Result<(), KvError> {
        if !is_key(key) {
            return Err(if key.is_empty() { KvError::IsFolder } else { KvError::BadKey });
        }
        if self.is_planned_folder(plan, key) {
            return Err(KvError::IsFolder);
        }
        let mut above = key.match_indices('/').map(|(at, _)| &key[..at]);
        if above.any(|folder| self.planned(plan, folder).is_some()) { Err(KvError::IsValue) } else { Ok(()) }
    }
}

/// What a batch of changes comes to: for each key that it touches, what will be known of its value.
#[derive(Clone, Debug)]
pub struct KvPlan<V>(BTreeMap<String, Option<V>>);

impl<V> KvPlan<V> {
    /// Each key that is touched; `None` where it will have no value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&V>)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_ref()))
    }
}
