//! A future that moves to the threads for long calls, and back.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_task::Task;
use tokio::runtime::Handle;

use super::lane::CallLane;
use super::overdue::{OverdueHandler, watch};
use super::threads::LongCallThreads;

/// Runs where it is polled as long as its calls are short, and with the long calls otherwise.
///
/// Dropping it drops what it runs, which may take until the end of the present slice.
pub(crate) struct Movable<F: Future> {
    place: Place<F>,
    lane: CallLane,
    threads: Arc<LongCallThreads>,
    overdue: Option<OverdueHandler>,
}

enum Place<F: Future> {
    Here(Pin<Box<F>>),
    Away(Task<Outcome<F>, CallLane>, Option<Watch>),
    Done,
}

/// Looks after calls that are overdue while the future is away.
type Watch = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What comes back from the threads for long calls.
enum Outcome<F: Future> {
    Finished(F::Output),
    Returned(Pin<Box<F>>),
}

impl<F> Movable<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    pub(crate) fn new(
        future: F,
        lane: CallLane,
        threads: Arc<LongCallThreads>,
        overdue: Option<OverdueHandler>,
    ) -> Self {
        lane.make_movable();
        Self { place: Place::Here(Box::pin(future)), lane, threads, overdue }
    }

    /// Moves what it runs to the threads for long calls; stays where there are none.
    fn leave(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Done);
        self.place = match place {
            Place::Here(future) if self.threads.are_there() => {
                self.lane.moved(true);
                let home = Handle::try_current().ok();
                // Without a runtime there are no timers.
                let overdue = self.overdue.clone().filter(|_| home.is_some());
                let watch = overdue.map(|handler| -> Watch { Box::pin(watch(self.lane.clone(), handler)) });
                let away = Away { future: Some(future), lane: self.lane.clone(), home, waker: None };
                Place::Away(self.threads.spawn(away, self.lane.clone()), watch)
            }
            other => other,
        };
    }
}

impl<F> Future for Movable<F>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        loop {
            match &mut self.place {
                Place::Here(future) => {
                    if let Poll::Ready(output) = future.as_mut().poll(context) {
                        self.place = Place::Done;
                        return Poll::Ready(output);
                    }
                    if !self.lane.is_long() {
                        return Poll::Pending;
                    }
                    self.leave();
                    if matches!(self.place, Place::Here(_)) {
                        return Poll::Pending;
                    }
                }
                Place::Away(task, watch) => match Pin::new(task).poll(context) {
                    Poll::Pending => {
                        if let Some(watch) = watch {
                            // It never ends.
                            let _pending = watch.as_mut().poll(context);
                        }
                        return Poll::Pending;
                    }
                    Poll::Ready(Outcome::Finished(output)) => {
                        self.place = Place::Done;
                        return Poll::Ready(output);
                    }
                    Poll::Ready(Outcome::Returned(future)) => self.place = Place::Here(future),
                },
                // Polled after its end: there is nothing to be had any more.
                Place::Done => return Poll::Pending,
            }
        }
    }
}

impl<F: Future> fmt::Debug for Movable<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Movable").field("lane", &self.lane).finish_non_exhaustive()
    }
}

/// The future as long as it is with the long calls.
struct Away<F: Future> {
    future: Option<Pin<Box<F>>>,
    lane: CallLane,
    /// The runtime that it comes from, whose timers it goes on using: they keep time, whatever computes here.
    home: Option<Handle>,
    /// Made at the first turn, and used as long as the task is woken in the same way.
    waker: Option<SliceWaker>,
}

// The future is boxed, so that what holds it can move.
impl<F: Future> Unpin for Away<F> {}

impl<F: Future> Future for Away<F> {
    type Output = Outcome<F>;

    /// One turn: a whole slice, however often the guest gives way within it because of its fuel. Turns of as much fuel
    /// would be of very different lengths, and the guest with the slowest instructions would get most of the time.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome<F>> {
        let this = &mut *self;
        let _home = this.home.as_ref().map(Handle::enter);
        let Some(future) = &mut this.future else { return Poll::Pending };
        let waker = match &mut this.waker {
            Some(waker) if waker.wakes(context.waker()) => waker,
            other => other.insert(SliceWaker::for_task(context.waker())),
        };
        this.lane.take_slice_over();
        waker.begin();
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker.waker)) {
                this.future = None;
                // Another future of the same lane may follow, and begins where it is polled.
                this.lane.moved(false);
                return Poll::Ready(Outcome::Finished(output));
            }
            if !this.lane.is_long() {
                this.lane.moved(false);
                return match this.future.take() {
                    Some(future) => Poll::Ready(Outcome::Returned(future)),
                    None => Poll::Pending,
                };
            }
            if this.lane.take_slice_over() || !waker.take_woken() {
                waker.end();
                return Poll::Pending;
            }
        }
    }
}

/// Tells a guest that gives way in the middle of its slice, which wakes at once, from one that waits for something.
struct SliceWaker {
    state: Arc<SliceState>,
    waker: Waker,
}

struct SliceState {
    is_in_turn: AtomicBool,
    is_woken: AtomicBool,
    task: Waker,
}

impl SliceWaker {
    fn for_task(task: &Waker) -> Self {
        let (is_in_turn, is_woken) = (AtomicBool::new(false), AtomicBool::new(false));
        let state = Arc::new(SliceState { is_in_turn, is_woken, task: task.clone() });
        Self { waker: Waker::from(Arc::clone(&state)), state }
    }

    fn wakes(&self, task: &Waker) -> bool {
        self.state.task.will_wake(task)
    }

    /// From here on, who wakes the task is only noted.
    fn begin(&self) {
        self.state.is_in_turn.store(true, Ordering::SeqCst);
    }

    fn take_woken(&self) -> bool {
        self.state.is_woken.swap(false, Ordering::SeqCst)
    }

    /// From here on the task is woken, by this as well where somebody has done it meanwhile.
    fn end(&self) {
        self.state.is_in_turn.store(false, Ordering::SeqCst);
        if self.take_woken() {
            self.state.task.wake_by_ref();
        }
    }
}

impl Wake for SliceState {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order, and in the other one in `end`: one of the two sees what the other has done.
        self.is_woken.store(true, Ordering::SeqCst);
        if !self.is_in_turn.load(Ordering::SeqCst) {
            self.is_woken.store(false, Ordering::SeqCst);
            self.task.wake_by_ref();
        }
    }
}

impl<F: Future> Drop for Away<F> {
    fn drop(&mut self) {
        // What it runs may need the runtime that it comes from even while it is dropped.
        let _home = self.home.as_ref().map(Handle::enter);
        self.future = None;
    }
}
