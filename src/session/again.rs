//! A plan once more, with other values of keys.

use std::path::PathBuf;

use uk_planner::names;

use super::{Planned, Session};
use crate::cli::Select;

/// What a session was asked for.
pub(super) struct Asked {
    pub folder: PathBuf,
    pub select: Select,
}

impl Session {
    /// One of its unikernels planned as the manifests are now, but with these values of keys. None where that is no plan, or
    /// the command was called off.
    pub fn with_values(&self, planned: &Planned, values: &[(String, String)]) -> Option<Session> {
        let known: Vec<&str> = planned.devices.known_keys().map(|key| key.name).collect();
        let short = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        // `kv_ro` means the key `assets.kv_ro`, too.
        let means = |setting: &str, key: &str| names::same(setting, key) || names::same(setting, &short(key));
        let Asked { folder, select } = &self.asked;
        let mut select = select.clone();
        select.package = vec![planned.devices.name().text.clone()];
        select.target = vec![planned.devices.target().name().to_owned()];
        select.set.retain(|pair| {
            let name = pair.split_once('=').map_or(pair.as_str(), |(name, _)| name);
            let given = |key: &str| names::same(name, key) || names::same(&short(name), key);
            known.iter().any(|key| means(name, key)) && !values.iter().any(|(key, _)| given(key))
        });
        select.set.extend(values.iter().map(|(name, value)| format!("{name}={value}")));
        let mut session = Session::plan(folder, &select, false, self.store.cancel()).ok()?;
        session.planned.retain(|other| other.name == planned.name);
        (session.planned.len() == 1).then_some(session)
    }
}
