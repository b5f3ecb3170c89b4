//! Where components are compiled: on threads of their own, a few components at a time.
//!
//! Each compilation has a pool of threads to itself. In one pool for all, a thread that waits for a part of one
//! component takes up a part of another, so that a slow component holds up every other. The threads have a low
//! priority and are neither those that run guests nor those of the embedder's own parallel work.
//!
//! Invariant: no more than [`MAX_COMPILES`] components are compiled at a time, at most one of them large, and
//! whoever waits for a turn waits asynchronously. A turn ends with its compilation, not with who asked for it.

#![expect(clippy::disallowed_types, reason = "a list of idle pools, held to take one or to put one back")]

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::bounds::{
    COMPILER_STACK_BYTES, HEAVY_FUNCTION_WORK, LARGE_COMPONENT_BYTES, MAX_COMPILE_THREADS, MAX_COMPILES,
    MAX_FUNCTION_WORK, MAX_LARGE_WAITING, MAX_SMALL_WAITING,
};
use crate::burden::Burden;
use crate::error::RuntimeError;

/// How much less than others the threads of the compiler want of the processors, where the system has such a
/// measure for single threads.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A place among the components that are about to be compiled: whoever has one may read its component into
/// memory.
#[derive(Debug)]
pub struct CompilePlace {
    size: Size,
    _permit: OwnedSemaphorePermit,
}

/// Large components, and those with a heavy function, take turns among themselves, so that they never hold all
/// turns, and the memory of one at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

impl Size {
    fn of(bytes: u64) -> Self {
        if bytes > LARGE_COMPONENT_BYTES { Self::Large } else { Self::Small }
    }
}

/// Compiles for one engine.
#[derive(Debug)]
pub(crate) struct Compiler {
    small_places: Arc<Semaphore>,
    large_places: Arc<Semaphore>,
    turns: Arc<Semaphore>,
    large_turns: Arc<Semaphore>,
    idle: Arc<IdlePools>,
}

impl Compiler {
    pub(crate) fn new() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            small_places: places(MAX_SMALL_WAITING),
            large_places: places(MAX_LARGE_WAITING),
            turns: places(MAX_COMPILES),
            large_turns: places(1),
            idle: Arc::default(),
        }
    }

    /// Waits for a place for a component of this size.
    pub(crate) async fn place(&self, bytes: u64) -> Result<CompilePlace, RuntimeError> {
        let size = Size::of(bytes);
        let places = match size {
            Size::Small => &self.small_places,
            Size::Large => &self.large_places,
        };
        Ok(CompilePlace { size, _permit: acquire(places).await? })
    }

    /// Does `work` for a component when its turn has come, unless it is beyond a bound; `max_work` is that of all
    /// its functions together.
    pub(crate) async fn compile<T: Send + 'static>(
        &self,
        place: CompilePlace,
        wasm: Arc<[u8]>,
        max_work: u64,
        work: impl FnOnce(&[u8], Burden) -> Result<T, RuntimeError> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let bytes = wasm.len() as u64;
        // What has grown since its place was asked for queues anew.
        let place = if place.size == Size::of(bytes) {
            place
        } else {
            drop(place);
            self.place(bytes).await?
        };
        let counted = Arc::clone(&wasm);
        let (place, burden) = self.run(Size::Small, move || (place, count(&counted, max_work))).await?;
        let burden = burden?;
        let heaviest = burden.heaviest();
        let (size, threads) = if heaviest > HEAVY_FUNCTION_WORK {
            // As many at a time as one function of the largest work would be.
            (Size::Large, usize::try_from(MAX_FUNCTION_WORK / heaviest).unwrap_or(1))
        } else {
            (place.size, MAX_COMPILE_THREADS)
        };
        self.run(size, move || {
            let outcome = on_threads(threads, || work(&wasm, burden));
            drop(place);
            outcome
        })
        .await?
    }

    /// Does `work` when the turn of its size has come. It goes on to its end, and keeps its turn until then, even
    /// where nobody waits for it any more.
    async fn run<T: Send + 'static>(
        &self,
        size: Size,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, RuntimeError> {
        let large_turn = match size {
            Size::Small => None,
            Size::Large => Some(acquire(&self.large_turns).await?),
        };
        let turn = acquire(&self.turns).await?;
        let pool = self.idle.take()?;
        let idle = Arc::clone(&self.idle);
        let (done, outcome) = oneshot::channel();
        let threads = Arc::clone(&pool);
        threads.spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work));
            idle.put_back(pool);
            drop((turn, large_turn));
            // Whoever asked may have given up.
            drop(done.send(result));
        });
        match outcome.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(_)) | Err(_) => Err(RuntimeError::CompilerFailed(Box::new(Panicked))),
        }
    }

    /// As [`place`](Self::place) and [`compile`](Self::compile), on a thread that may block.
    pub(crate) fn compile_blocking<T: Send + 'static>(
        &self,
        wasm: Arc<[u8]>,
        max_work: u64,
        work: impl FnOnce(&[u8], Burden) -> Result<T, RuntimeError> + Send + 'static,
    ) -> Result<T, RuntimeError> {
        blocking(async {
            let place = self.place(wasm.len() as u64).await?;
            self.compile(place, wasm, max_work, work).await
        })
    }
}

/// Counts without compiling. Nothing but the file can make that panic.
fn count(wasm: &[u8], max_work: u64) -> Result<Burden, RuntimeError> {
    catch_unwind(|| Burden::within(wasm, max_work))
        .unwrap_or_else(|_| Err(RuntimeError::InvalidComponent(Box::new(Panicked))))
}

/// The compiler met something that it was not made for.
#[derive(Debug, Error)]
#[error("it panicked")]
struct Panicked;

/// Never closed, so that a permit is always to be had in time.
async fn acquire(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, RuntimeError> {
    let permit = Arc::clone(places).acquire_owned().await;
    permit.map_err(|error| RuntimeError::CompilerFailed(Box::new(error)))
}

/// Pools whose threads sleep. There are never more pools than turns; each is made when it is first needed.
#[derive(Debug, Default)]
struct IdlePools(Mutex<Vec<Arc<ThreadPool>>>);

impl IdlePools {
    fn take(&self) -> Result<Arc<ThreadPool>, RuntimeError> {
        let idle = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(pool) => Ok(pool),
            None => new_pool(MAX_COMPILE_THREADS).map(Arc::new),
        }
    }

    fn put_back(&self, pool: Arc<ThreadPool>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(pool);
    }
}

/// Does `work` on this pool's threads, or on fewer of its own where it should have no more.
fn on_threads<T: Send>(
    most: usize,
    work: impl FnOnce() -> Result<T, RuntimeError> + Send,
) -> Result<T, RuntimeError> {
    if most >= rayon::current_num_threads() { work() } else { new_pool(most)?.install(work) }
}

fn new_pool(most: usize) -> Result<ThreadPool, RuntimeError> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    ThreadPoolBuilder::new()
        .num_threads(processors.min(most).max(1))
        .stack_size(COMPILER_STACK_BYTES)
        .thread_name(|number| format!("airssys-compile-{number}"))
        .start_handler(|_| lower_priority())
        .build()
        .map_err(|error| RuntimeError::CompilerFailed(Box::new(error)))
}

/// On Linux a thread has a priority of its own, which any thread may lower.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the compiler runs at the priority of the host");
    }
}

/// Elsewhere the priority is the process's, so that the threads keep that of the host.
#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

/// Waits for a future on this thread, whether or not it belongs to an asynchronous runtime.
fn blocking<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Without the budget of a task, which would never be refilled here.
    let mut future = pin!(tokio::task::unconstrained(future));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

    use super::*;

    const SMALL_BYTES: u64 = LARGE_COMPONENT_BYTES;
    const LARGE_BYTES: u64 = LARGE_COMPONENT_BYTES + 1;
    const MAX_WORK: u64 = 40 << 20;

    /// Work that tells when it begins, and ends when it is told to.
    fn held() -> (impl FnOnce() + Send + 'static, Receiver<()>, SyncSender<()>) {
        let (begun, beginning) = sync_channel(1);
        let (end, ending) = sync_channel::<()>(1);
        let work = move || {
            begun.send(()).unwrap();
            // An end that is dropped ends it, too.
            let _ended = ending.recv();
        };
        (work, beginning, end)
    }

    async fn run<T: Send + 'static>(
        compiler: &Compiler,
        size: Size,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        compiler.run(size, work).await.unwrap()
    }

    fn component(text: &str) -> Arc<[u8]> {
        wat::parse_str(text).unwrap().into()
    }

    #[tokio::test]
    async fn as_many_are_compiled_at_a_time_as_there_are_turns() {
        let compiler = Arc::new(Compiler::new());
        let mut ends = Vec::new();
        for _ in 0..MAX_COMPILES {
            let (work, beginning, end) = held();
            let compiler = Arc::clone(&compiler);
            tokio::spawn(async move { run(&compiler, Size::Small, work).await });
            tokio::task::spawn_blocking(move || beginning.recv().unwrap()).await.unwrap();
            ends.push(end);
        }
        let mut next = pin!(run(&compiler, Size::Small, || 7));
        assert!(poll_once(next.as_mut()).is_pending(), "there is one turn more than there should be");
        ends.pop();
        assert_eq!(next.await, 7);
    }

    #[tokio::test]
    async fn large_components_never_hold_up_small_ones() {
        let compiler = Arc::new(Compiler::new());
        let (work, beginning, end) = held();
        let other = Arc::clone(&compiler);
        let first = tokio::spawn(async move { run(&other, Size::Large, work).await });
        tokio::task::spawn_blocking(move || beginning.recv().unwrap()).await.unwrap();
        let mut second = pin!(run(&compiler, Size::Large, || "large"));
        assert!(poll_once(second.as_mut()).is_pending());
        for _ in 0..2 * MAX_COMPILES {
            assert_eq!(run(&compiler, Size::Small, || "small").await, "small");
        }
        drop(end);
        first.await.unwrap();
        assert_eq!(second.await, "large");
    }

    #[tokio::test]
    async fn only_so_many_are_held_in_memory() {
        let compiler = Compiler::new();
        let mut places = Vec::new();
        for _ in 0..MAX_LARGE_WAITING {
            places.push(compiler.place(LARGE_BYTES).await.unwrap());
        }
        let mut next = pin!(compiler.place(LARGE_BYTES));
        assert!(poll_once(next.as_mut()).is_pending());
        compiler.place(SMALL_BYTES).await.unwrap();
        places.pop();
        next.await.unwrap();
    }

    #[tokio::test]
    async fn what_was_smaller_when_it_asked_queues_with_its_like() {
        let compiler = Compiler::new();
        let place = compiler.place(SMALL_BYTES).await.unwrap();
        let (_one, _two) =
            (compiler.place(LARGE_BYTES).await.unwrap(), compiler.place(LARGE_BYTES).await.unwrap());
        let large = vec![0; LARGE_BYTES as usize];
        let mut grown = pin!(compiler.compile(place, large.into(), MAX_WORK, |_, _| Ok(())));
        assert!(poll_once(grown.as_mut()).is_pending());
        assert_eq!(compiler.small_places.available_permits(), MAX_SMALL_WAITING, "its place is free again");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_turn_to_its_work() {
        let compiler = Compiler::new();
        let (work, beginning, end) = held();
        {
            let mut given_up = pin!(run(&compiler, Size::Small, work));
            assert!(poll_once(given_up.as_mut()).is_pending());
        }
        tokio::task::spawn_blocking(move || beginning.recv().unwrap()).await.unwrap();
        assert_eq!(compiler.turns.available_permits(), MAX_COMPILES - 1);
        drop(end);
        let all = u32::try_from(MAX_COMPILES).unwrap();
        drop(compiler.turns.acquire_many(all).await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_its_turn_is_free_again() {
        let compiler = Compiler::new();
        for _ in 0..2 * MAX_COMPILES {
            let place = compiler.place(SMALL_BYTES).await.unwrap();
            let work = |_: &[u8], _: Burden| -> Result<(), RuntimeError> { panic!("as the compiler might") };
            let outcome = compiler.compile(place, component("(component)"), MAX_WORK, work).await;
            assert!(matches!(outcome, Err(RuntimeError::CompilerFailed(_))), "{outcome:?}");
        }
        assert_eq!(run(&compiler, Size::Small, || 7).await, 7);
        assert_eq!(compiler.small_places.available_permits(), MAX_SMALL_WAITING);
    }

    #[tokio::test]
    async fn what_validation_panics_at_is_not_valid() {
        let levels: String = (1..200)
            .map(|level| {
                let below = level - 1;
                format!(
                    r#"(type $t{level} (instance (alias outer 1 $t{below} (type $t)) (export "i" (instance (type $t)))))"#
                )
            })
            .collect();
        let wasm = component(&format!("(component (type $t0 (instance)) {levels})"));
        let compiler = Compiler::new();
        let place = compiler.place(SMALL_BYTES).await.unwrap();
        let error = compiler.compile(place, wasm, MAX_WORK, |_, _| Ok(())).await.unwrap_err();
        assert!(matches!(error, RuntimeError::InvalidComponent(_)), "{error:?}");
    }

    #[tokio::test]
    async fn who_may_block_can_wait_on_a_thread_of_the_scheduler() {
        let compiler = Compiler::new();
        // Far more often than a task may go on without a pause.
        let wasm = component("(component)");
        for number in 0..500 {
            let work = move |_: &[u8], _: Burden| Ok(number);
            assert_eq!(compiler.compile_blocking(Arc::clone(&wasm), MAX_WORK, work).unwrap(), number);
        }
        let pools = compiler.idle.0.lock().unwrap().len();
        assert_eq!(pools, 1, "one after the other needs one pool");
    }

    #[tokio::test]
    async fn a_heavy_function_is_compiled_by_few_threads_and_with_no_other() {
        let with = |calls: usize| {
            let values = "i32 ".repeat(500);
            component(&format!(
                r#"(component (core module
                  (type $many (func (param {values}) (result {values})))
                  (import "a" "many" (func $many (type $many)))
                  (func (type $many) unreachable {})))"#,
                "call $many ".repeat(calls)
            ))
        };
        let compiler = Compiler::new();
        let threads = async |wasm: Arc<[u8]>| {
            let place = compiler.place(wasm.len() as u64).await.unwrap();
            let large_turns = Arc::clone(&compiler.large_turns);
            let seen = move |_: &[u8], _: Burden| {
                Ok((rayon::current_num_threads(), large_turns.available_permits()))
            };
            compiler.compile(place, wasm, MAX_WORK, seen).await
        };
        let processors = thread::available_parallelism().map_or(1, usize::from);
        assert_eq!(threads(with(10)).await.unwrap(), (processors.min(MAX_COMPILE_THREADS), 1));
        assert_eq!(threads(with(1_000)).await.unwrap(), (1, 0), "a million units");
        let error = threads(with(1_100)).await.unwrap_err();
        assert!(matches!(error, RuntimeError::TooMuchToCompile { .. }), "{error:?}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_stand_back_and_those_of_the_host_do_not() {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (named, nice) = run(&Compiler::new(), Size::Small, move || {
            (thread::current().name().map(str::to_owned), niceness())
        })
        .await;
        assert!(named.unwrap().starts_with("airssys-compile-"));
        assert_eq!(nice, NICENESS.max(before));
        assert_eq!(niceness(), before, "the thread that asked");
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }
}
