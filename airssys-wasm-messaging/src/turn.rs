//! Giving way in the middle of work that could take long.

use std::future::poll_fn;
use std::task::Poll;

/// Lets the other tasks of the thread run once.
pub(crate) async fn let_others_run() {
    let mut is_second = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut is_second, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
