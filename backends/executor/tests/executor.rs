//! The executor on a platform whose clock a test can read.

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use uk_device::{Error, Result};
use uk_executor::{Platform, alone, current_job, job, jobs, now, run, sleep_until, spawn};

/// A clock that jumps to the deadline when everybody sleeps; without a deadline it waits to be unparked.
struct Jumping {
    now: AtomicU64,
    unparked: Mutex<bool>,
    changed: Condvar,
    parks: AtomicU64,
    /// Woken by the next `park`, as an event of a device would be.
    event: Mutex<Option<Waker>>,
}

static JUMPING: Jumping = Jumping {
    now: AtomicU64::new(0),
    unparked: Mutex::new(false),
    changed: Condvar::new(),
    parks: AtomicU64::new(0),
    event: Mutex::new(None),
};

impl Platform for Jumping {
    fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    fn wall(&self) -> Option<uk_device::Wall> {
        None
    }

    fn park(&self, deadline: Option<u64>) {
        if let Some(event) = self.event.lock().expect("no test panics here").take() {
            event.wake();
        }
        self.parks.fetch_add(1, Ordering::SeqCst);
        let mut unparked = self.unparked.lock().expect("no test panics here");
        match deadline {
            Some(deadline) => {
                self.now.fetch_max(deadline, Ordering::SeqCst);
            }
            None => {
                while !*unparked {
                    unparked = self.changed.wait(unparked).expect("no test panics here");
                }
            }
        }
        *unparked = false;
    }

    fn unpark(&self) {
        *self.unparked.lock().expect("no test panics here") = true;
        self.changed.notify_all();
    }

    fn thread(&self) -> usize {
        thread_local!(static HERE: u8 = const { 0 });
        HERE.with(|here| std::ptr::from_ref(here) as usize)
    }
}

/// There is one executor in a process: tests take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    JUMPING.now.store(0, Ordering::SeqCst);
    *JUMPING.unparked.lock().expect("no test panics here") = false;
    turn
}

#[test]
fn sleepers_wake_in_the_order_of_their_deadlines() {
    let _turn = turn();
    let seen = Rc::new(RefCell::new(Vec::new()));
    run(&JUMPING, async {
        let tasks: Vec<_> = [30, 10, 20, 10]
            .into_iter()
            .map(|deadline| {
                let seen = seen.clone();
                spawn(async move {
                    sleep_until(deadline).await;
                    seen.borrow_mut().push((deadline, now()));
                })
            })
            .collect();
        for task in tasks {
            task.await;
        }
    });
    assert_eq!(*seen.borrow(), [(10, 10), (10, 10), (20, 20), (30, 30)]);
}

#[test]
fn a_dropped_sleep_is_forgotten() {
    let _turn = turn();
    run(&JUMPING, async {
        let mut long = Box::pin(sleep_until(1_000_000));
        poll_fn(|context| {
            assert!(long.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(long);
        sleep_until(5).await;
        assert_eq!(now(), 5);
    });
}

#[test]
fn another_thread_wakes_a_task() {
    let _turn = turn();
    for _ in 0..200 {
        run(&JUMPING, async {
            static DONE: AtomicBool = AtomicBool::new(false);
            DONE.store(false, Ordering::SeqCst);
            let mut helper = None;
            spawn(poll_fn(move |context| {
                if DONE.load(Ordering::SeqCst) {
                    return Poll::Ready(());
                }
                let waker: Waker = context.waker().clone();
                helper.get_or_insert_with(|| {
                    thread::spawn(move || {
                        DONE.store(true, Ordering::SeqCst);
                        waker.wake();
                    })
                });
                Poll::Pending
            }))
            .await;
        });
    }
}

#[test]
fn a_waker_that_outlives_its_run_does_no_harm() {
    let _turn = turn();
    let late: Rc<RefCell<Option<Waker>>> = Rc::default();
    let keep = late.clone();
    run(&JUMPING, async {
        spawn(async move {
            poll_fn(|context| {
                *keep.borrow_mut() = Some(context.waker().clone());
                Poll::<()>::Pending
            })
            .await;
        })
        .detach();
        sleep_until(1).await;
    });
    let waker = late.borrow_mut().take().expect("the task ran");
    waker.wake();
    run(&JUMPING, async { sleep_until(2).await });
}

/// Panics where it is polled or dropped on another thread than the one that made it.
struct Local(thread::ThreadId);

impl Local {
    fn check(&self) {
        assert_eq!(thread::current().id(), self.0, "a task left its thread");
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.check();
        }
    }
}

#[test]
fn wakes_at_the_end_of_a_run_never_carry_its_tasks_to_the_next() {
    const WAKERS: usize = 2;
    const RUNS: usize = 2_000;
    let _turn = turn();
    static LATEST: [Mutex<Option<Waker>>; WAKERS] = [const { Mutex::new(None) }; WAKERS];
    static OVER: AtomicBool = AtomicBool::new(false);
    OVER.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        for latest in &LATEST {
            scope.spawn(move || {
                while !OVER.load(Ordering::SeqCst) {
                    let waker = latest.lock().expect("no test panics here").clone();
                    // Over and over, so that some of the wakes meet the end of the run.
                    waker.iter().cycle().take(200).for_each(Waker::wake_by_ref);
                }
            });
        }
        let one_run = || {
            run(&JUMPING, async {
                for latest in &LATEST {
                    let local = Local(thread::current().id());
                    spawn(poll_fn(move |context| {
                        local.check();
                        *latest.lock().expect("no test panics here") = Some(context.waker().clone());
                        Poll::<()>::Pending
                    }))
                    .detach();
                }
                uk_executor::yield_now().await;
            });
        };
        // Each run is on a thread of its own.
        for _ in 0..RUNS {
            if thread::spawn(one_run).join().is_err() {
                OVER.store(true, Ordering::SeqCst);
                panic!("a task left its thread");
            }
        }
        OVER.store(true, Ordering::SeqCst);
    });
}

#[test]
fn tasks_are_dropped_with_their_run() {
    let _turn = turn();
    let held = Rc::new(());
    let task = held.clone();
    run(&JUMPING, async {
        // Woken as the run ends: it waits in the queue, and is dropped there.
        spawn(async move {
            let _held = task;
            loop {
                sleep_until(now()).await;
                poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if now() == u64::MAX { Poll::Ready(()) } else { Poll::Pending }
                })
                .await;
            }
        })
        .detach();
        let mut polled = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    });
    assert_eq!(Rc::strong_count(&held), 1);
}

#[test]
fn a_busy_task_does_not_starve_timers() {
    let _turn = turn();
    run(&JUMPING, async {
        let busy = spawn(poll_fn(|context| {
            JUMPING.now.fetch_add(1, Ordering::SeqCst);
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        sleep_until(100).await;
        assert!(now() < 110, "woken at {}", now());
        drop(busy);
    });
}

#[test]
fn a_busy_task_does_not_starve_events() {
    let _turn = turn();
    let mut polls = 0;
    run(&JUMPING, async {
        let busy = spawn(async {
            loop {
                uk_executor::yield_now().await;
            }
        });
        poll_fn(|context| {
            polls += 1;
            if polls > 1 {
                return Poll::Ready(());
            }
            *JUMPING.event.lock().expect("no test panics here") = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        drop(busy);
    });
    assert_eq!(polls, 2);
}

#[test]
fn the_first_failure_ends_all_jobs() {
    let _turn = turn();
    let outcome = run(
        &JUMPING,
        jobs([
            job("good", async {}),
            job("late", async {
                sleep_until(20).await;
                Err::<(), _>(Error::exit(9, "late"))
            }),
            job("first", async {
                sleep_until(10).await;
                Err::<(), _>(Error::exit(7, "broken"))
            }),
            job("endless", pending::<()>()),
        ]),
    );
    let error = outcome.expect_err("a job fails");
    assert_eq!((error.code(), error.message()), (7, "job `first`: broken"));
    assert_eq!(JUMPING.now(), 10);
}

#[test]
fn jobs_that_end_well_end_well() {
    let _turn = turn();
    let names = Rc::new(RefCell::new(Vec::new()));
    let (one, two) = (names.clone(), names.clone());
    let outcome: Result = run(
        &JUMPING,
        jobs([
            job("one", async move {
                sleep_until(2).await;
                one.borrow_mut().push(current_job());
                Ok::<(), Error>(())
            }),
            job("two", async move {
                sleep_until(1).await;
                spawn(async move { two.borrow_mut().push(current_job()) }).await;
            }),
        ]),
    );
    assert!(outcome.is_ok());
    assert_eq!(*names.borrow(), [Some("two"), Some("one")]);
    assert_eq!(current_job(), None);
}

#[test]
fn a_job_that_is_alone_keeps_its_name() {
    let _turn = turn();
    let outcome = run(
        &JUMPING,
        alone("only", async {
            assert_eq!(current_job(), Some("only"));
            sleep_until(1).await;
            assert_eq!(current_job(), Some("only"));
            spawn(async { assert_eq!(current_job(), Some("only")) }).await;
            Err::<(), _>(Error::exit(3, "broken"))
        }),
    );
    let error = outcome.expect_err("the job fails");
    assert_eq!((error.code(), error.message()), (3, "broken"));
}

#[test]
fn waiting_costs_nothing() {
    let _turn = turn();
    JUMPING.parks.store(0, Ordering::SeqCst);
    run(&JUMPING, async {
        for second in 1..=4 {
            sleep_until(second * Duration::from_secs(1).as_nanos() as u64).await;
        }
    });
    assert_eq!(JUMPING.parks.load(Ordering::SeqCst), 4);
}
