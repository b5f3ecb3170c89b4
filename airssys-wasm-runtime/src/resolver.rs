//! Names looked up by the operating system.
//!
//! The system's function blocks its thread, for as long as it likes, and cannot be called off: a look-up that its
//! guest has given up holds a thread until the system answers.
//!
//! Invariant: a component holds at most [`MAX_LOOKUPS`] threads, its instances and those before a restart together,
//! and all components hold at most [`MAX_SYSTEM_LOOKUPS`].

#![expect(
    clippy::disallowed_types,
    reason = "a table of those who look something up, held to find one's place in it"
)]

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use airssys_wasm_core::{Address, BoxFuture, ComponentId, HostName, NameResolver, ResolveError};

use crate::bounds::{MAX_LOOKUP_ANSWERS, MAX_LOOKUPS, MAX_SYSTEM_LOOKUPS};

type Ask = fn(&str) -> io::Result<Vec<IpAddr>>;

/// Looks names up as the operating system does it, each on a thread of the runtime's that may block.
///
/// A name is asked as it was granted, without the search list of the system's configuration. A name that stands in the
/// system's own table of hosts alone may therefore not be found.
#[derive(Clone)]
pub struct SystemResolver {
    turns: Arc<Semaphore>,
    components: Arc<Mutex<HashMap<Address, Weak<Semaphore>>>>,
    ask: Ask,
}

impl SystemResolver {
    /// The resolver of this process: its bounds hold for all hosts in it together.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<SystemResolver>> =
            LazyLock::new(|| Arc::new(SystemResolver::asking(ask_system)));
        Arc::clone(&SHARED)
    }

    fn asking(ask: Ask) -> Self {
        Self { turns: Arc::new(Semaphore::new(MAX_SYSTEM_LOOKUPS)), components: Arc::default(), ask }
    }

    /// The turns of one component, as long as anybody holds one.
    fn turns_of(&self, component: &ComponentId) -> Arc<Semaphore> {
        let mut components = self.components.lock().unwrap_or_else(PoisonError::into_inner);
        components.retain(|_, turns| turns.strong_count() > 0);
        let key = component.component();
        if let Some(turns) = components.get(&key).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::new(Semaphore::new(MAX_LOOKUPS));
        components.insert(key, Arc::downgrade(&turns));
        turns
    }
}

impl NameResolver for SystemResolver {
    fn resolve<'a>(
        &'a self,
        component: &'a ComponentId,
        name: &'a HostName,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            // The component's own turn first, so that whoever waits for it keeps none of the others from theirs.
            let own = self.turns_of(component).acquire_owned().await.map_err(unavailable)?;
            let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(unavailable)?;
            let (ask, question) = (self.ask, format!("{name}."));
            let asked = tokio::task::spawn_blocking(move || {
                let answer = ask(&question);
                drop((own, turn));
                answer
            });
            // The system does not say whether the name or the way to its server was at fault.
            asked.await.map_err(unavailable)?.map_err(|error| ResolveError::Failed(error.into()))
        })
    }
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver")
            .field("turns", &self.turns.available_permits())
            .finish_non_exhaustive()
    }
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> ResolveError {
    ResolveError::Unavailable(error.into())
}

fn ask_system(name: &str) -> io::Result<Vec<IpAddr>> {
    let answers = (name, 0_u16).to_socket_addrs()?;
    Ok(answers.map(|answer| answer.ip()).take(MAX_LOOKUP_ANSWERS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_without_an_address_is_told_with_its_cause() {
        let resolver = SystemResolver::asking(|_| Err(io::Error::other("nobody knows it")));
        let (id, name) = ("test/asker/0".parse().unwrap(), "nowhere.invalid".parse().unwrap());
        let error = resolver.resolve(&id, &name).await.unwrap_err();
        let ResolveError::Failed(source) = error else { panic!("{error}") };
        assert_eq!(source.to_string(), "nobody knows it");
    }

    #[tokio::test]
    async fn a_name_is_asked_without_the_search_list() {
        let resolver = SystemResolver::asking(|name| {
            assert_eq!(name, "api.example.com.");
            Ok(vec![IpAddr::from([1, 1, 1, 1])])
        });
        let (id, name) = ("test/asker/0".parse().unwrap(), "api.example.com".parse().unwrap());
        assert_eq!(resolver.resolve(&id, &name).await.unwrap(), [IpAddr::from([1, 1, 1, 1])]);
        assert_eq!(resolver.turns.available_permits(), MAX_SYSTEM_LOOKUPS);
    }

    #[test]
    fn the_system_is_asked() {
        // Addresses are answered without any server.
        assert_eq!(ask_system("192.0.2.1").unwrap(), [IpAddr::from([192, 0, 2, 1])]);
    }

    #[tokio::test]
    async fn what_was_given_up_counts_until_the_system_answers() {
        static ANSWER: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(0));
        let resolver = SystemResolver::asking(|_| {
            while ANSWER.try_acquire().is_err() {
                std::thread::yield_now();
            }
            Ok(Vec::new())
        });
        let name: HostName = "slow.example.com".parse().unwrap();
        let [first, again, other] =
            ["test/asker/0", "test/asker/1", "test/other/0"].map(|id| id.parse::<ComponentId>().unwrap());
        for _ in 0..MAX_LOOKUPS {
            let mut given_up = resolver.resolve(&first, &name);
            assert!(futures_poll(&mut given_up).is_none());
        }
        assert_eq!(resolver.turns_of(&again).available_permits(), 0);
        assert_eq!(resolver.turns_of(&other).available_permits(), MAX_LOOKUPS);
        assert_eq!(resolver.turns.available_permits(), MAX_SYSTEM_LOOKUPS - MAX_LOOKUPS);
        ANSWER.add_permits(MAX_LOOKUPS + 1);
        assert!(resolver.resolve(&again, &name).await.unwrap().is_empty());
        drop(resolver.turns.acquire_many(MAX_SYSTEM_LOOKUPS as u32).await.unwrap());
        resolver.turns_of(&other);
        assert_eq!(resolver.components.lock().unwrap().len(), 1, "who holds nothing is not in the table");
    }

    fn futures_poll<T>(future: &mut BoxFuture<'_, T>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
