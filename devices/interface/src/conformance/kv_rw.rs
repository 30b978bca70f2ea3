//! [`KvRw`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::task::Poll;

use crate::fake::Random;
use crate::{Change, KvEntry, KvError, KvKind, KvRw, Random as _, join_all};

/// [`KvRw`], empty and with room for a megabyte; `digest` is BLAKE3. Afterwards it is empty again.
pub async fn kv_rw(kv: &impl KvRw, digest: impl Fn(&[u8]) -> [u8; 32]) {
    assert_eq!(kv.list("").await, Ok(Vec::new()), "it is empty");
    one_by_one(kv, &digest).await;
    refusals(kv).await;
    batches(kv).await;
    side_by_side(kv).await;
    against_a_map(kv).await;
    clear(kv).await;
    assert_eq!(kv.list("").await, Ok(Vec::new()), "it is empty again");
}

async fn value(kv: &impl KvRw, key: &str) -> Result<Vec<u8>, KvError> {
    kv.get(key).await.map(|value| value.as_ref().to_vec())
}

async fn one_by_one(kv: &impl KvRw, digest: impl Fn(&[u8]) -> [u8; 32]) {
    // Lengths around sectors and pages, and one that no buffer holds at once.
    for length in [0, 1, 511, 512, 513, 4095, 4096, 4097, 70_000, 300_001] {
        let bytes: Vec<u8> = (0..length).map(|at: usize| (at * 31 + length) as u8).collect();
        assert_eq!(kv.set("lengths/one", &bytes).await, Ok(()), "{length} bytes");
        assert!(value(kv, "lengths/one").await.as_ref() == Ok(&bytes), "{length} bytes");
        assert_eq!(kv.size("lengths/one").await, Ok(length as u64));
        assert_eq!(kv.digest("lengths/one").await, Ok(digest(&bytes)), "{length} bytes");
        for offset in [0, 1, 511, length / 2, length, length + 1] {
            let mut buffer = vec![0; 700];
            let expected = &bytes[offset.min(length)..(offset + 700).min(length)];
            let count = kv.read("lengths/one", offset as u64, &mut buffer).await;
            assert_eq!(count, Ok(expected.len()), "700 of {length} bytes at {offset}");
            assert!(buffer[..expected.len()] == *expected, "700 of {length} bytes at {offset}");
        }
    }
    assert_eq!(kv.rename("lengths/one", "größe").await, Ok(()));
    assert_eq!(kv.exists("lengths/one").await, Ok(None));
    assert_eq!(kv.exists("lengths").await, Ok(None), "a folder without keys is none");
    assert_eq!(kv.size("größe").await, Ok(300_001));
    assert_eq!(kv.rename("größe", "größe").await, Ok(()), "to itself");
    assert_eq!(kv.set("other", b"x").await, Ok(()));
    assert_eq!(kv.rename("größe", "other").await, Ok(()), "over another");
    assert_eq!((kv.size("other").await, kv.exists("größe").await), (Ok(300_001), Ok(None)));
    assert_eq!(kv.rename("other", "other/below").await, Ok(()), "out of the way of its own folder");
    assert_eq!(kv.exists("other").await, Ok(Some(KvKind::Folder)));
    let names = kv.list("other").await;
    assert_eq!(names, Ok(vec![KvEntry { name: "below".into(), kind: KvKind::Value }]));
    assert_eq!(kv.remove("other/below").await, Ok(()));
    assert_eq!(kv.list("").await, Ok(Vec::new()));
}

async fn refusals(kv: &impl KvRw) {
    assert_eq!(kv.set("a/b", b"1").await, Ok(()));
    for key in ["/", "a/", "/a", "a//b", ".", "a/..", "a\0"] {
        assert_eq!(kv.set(key, b"x").await, Err(KvError::BadKey), "{key:?}");
        assert_eq!(kv.remove(key).await, Err(KvError::BadKey), "{key:?}");
        assert_eq!(kv.rename(key, "c").await, Err(KvError::BadKey), "{key:?}");
        assert_eq!(kv.rename("a/b", key).await, Err(KvError::BadKey), "{key:?}");
    }
    for folder in ["", "a"] {
        assert_eq!(kv.set(folder, b"x").await, Err(KvError::IsFolder), "{folder:?}");
        assert_eq!(kv.remove(folder).await, Err(KvError::IsFolder), "{folder:?}");
        assert_eq!(kv.rename(folder, "c").await, Err(KvError::IsFolder), "{folder:?}");
    }
    assert_eq!(kv.set("a/b/c", b"x").await, Err(KvError::IsValue));
    assert_eq!(kv.set("a/b/c/d", b"x").await, Err(KvError::IsValue));
    assert_eq!(kv.remove("b").await, Err(KvError::NotFound));
    assert_eq!(kv.remove("a/b/c").await, Err(KvError::NotFound));
    assert_eq!(kv.rename("b", "c").await, Err(KvError::NotFound));
    assert_eq!(kv.set("e", b"2").await, Ok(()));
    assert_eq!(kv.rename("e", "a").await, Err(KvError::IsFolder));
    assert_eq!(kv.rename("e", "a/b/c").await, Err(KvError::IsValue));
    assert_eq!((value(kv, "a/b").await, value(kv, "e").await), (Ok(b"1".into()), Ok(b"2".into())));
    clear(kv).await;
}

async fn batches(kv: &impl KvRw) {
    assert_eq!(kv.batch(&[]).await, Ok(()), "no change");
    let set = |key, value| Change::Set { key, value };
    // Each change sees those before it.
    let changes = [
        set("a", b"1"),
        Change::Rename { from: "a", to: "b" },
        set("a", b"2"),
        set("a", b"3"),
        set("c", b"4"),
        Change::Remove { key: "c" },
        set("c/d", b"5"),
    ];
    assert_eq!(kv.batch(&changes).await, Ok(()));
    let all = [("a", "3"), ("b", "1"), ("c/d", "5")];
    for (key, text) in all {
        assert_eq!(value(kv, key).await, Ok(text.into()), "{key}");
    }
    // What fails at its end has done nothing.
    let changes = [set("a", b"6"), Change::Remove { key: "b" }, set("e", b"7"), set("a/x", b"8")];
    assert_eq!(kv.batch(&changes).await, Err(KvError::IsValue));
    for (key, text) in all {
        assert_eq!(value(kv, key).await, Ok(text.into()), "{key}");
    }
    assert_eq!(kv.exists("e").await, Ok(None));
    clear(kv).await;
}

async fn side_by_side(kv: &impl KvRw) {
    let keys: Vec<(String, Vec<u8>)> =
        (0..20).map(|n| (format!("many/{n}"), vec![n as u8; 100 * n + 1])).collect();
    let sets = keys.iter().map(|(key, value)| kv.set(key, value));
    assert!(join_all(sets).await.iter().all(Result::is_ok), "changes side by side");
    for (key, bytes) in &keys {
        assert!(value(kv, key).await.as_ref() == Ok(bytes), "{key}");
    }
    // Some that are given up before they are ready: done or not, the others are.
    {
        let mut given_up: Vec<_> =
            keys.iter().map(|(key, _)| alloc::boxed::Box::pin(kv.set(key, b"given up"))).collect();
        poll_fn(|context| {
            given_up.iter_mut().for_each(|set| {
                let _ = set.as_mut().poll(context);
            });
            Poll::Ready(())
        })
        .await;
    }
    assert_eq!(kv.set("many/last", b"last").await, Ok(()));
    for (key, bytes) in &keys {
        let now = value(kv, key).await;
        assert!(now.as_ref() == Ok(bytes) || now == Ok(b"given up".into()), "{key}");
    }
    assert_eq!(value(kv, "many/last").await, Ok(b"last".into()));
    clear(kv).await;
}

/// Random changes, with a map beside them.
async fn against_a_map(kv: &impl KvRw) {
    let random = Random::seeded(5);
    let draw = |below: usize| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % below as u64) as usize
    };
    let keys: Vec<String> = (0..12).map(|n| format!("{}/{}", n % 3, n)).collect();
    let mut map: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for round in 0..300 {
        let (key, other) = (&keys[draw(12)], &keys[draw(12)]);
        match draw(6) {
            0..3 => {
                let bytes = vec![round as u8; draw(5000)];
                assert_eq!(kv.set(key, &bytes).await, Ok(()), "round {round}");
                map.insert(key.clone(), bytes);
            }
            3 => {
                let removed = map.remove(key).map(drop).ok_or(KvError::NotFound);
                assert_eq!(kv.remove(key).await, removed, "round {round}");
            }
            _ => {
                let moved = map.remove(key).map(|bytes| drop(map.insert(other.clone(), bytes)));
                assert_eq!(kv.rename(key, other).await, moved.ok_or(KvError::NotFound), "round {round}");
            }
        }
        let key = &keys[draw(12)];
        assert!(value(kv, key).await.ok() == map.get(key).cloned(), "round {round}, `{key}`");
    }
    for key in &keys {
        assert!(value(kv, key).await.ok() == map.get(key).cloned(), "`{key}` at the end");
    }
}

/// Removes everything.
async fn clear(kv: &impl KvRw) {
    let mut folders = vec![String::new()];
    let mut keys = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in kv.list(&folder).await.expect("it is a folder") {
            let key = if folder.is_empty() { entry.name } else { format!("{folder}/{}", entry.name) };
            match entry.kind {
                KvKind::Value => keys.push(key),
                KvKind::Folder => folders.push(key),
            }
        }
    }
    let changes: Vec<Change<'_>> = keys.iter().map(|key| Change::Remove { key }).collect();
    assert_eq!(kv.batch(&changes).await, Ok(()), "everything can be removed at once");
}
