//! Tells the time, sleeps, and checks that the clocks have moved.
#![no_std]

use uk_device::{Clock, Duration, Error, Time};

/// How long it sleeps: more than a second, since some wall clocks tell no less.
const NAP: Duration = Duration::from_millis(1_500);

/// Tells, sleeps, tells.
pub async fn start(clock: impl Clock, time: impl Time) -> uk_device::Result {
    let (before, wall_before) = (clock.now(), clock.wall());
    tell(&clock);
    time.sleep(NAP).await;
    tell(&clock);
    let slept = clock.now() - before;
    if slept < NAP {
        return Err(Error::new(format_args!("a sleep of {NAP:?} took {slept:?}")));
    }
    match (wall_before, clock.wall()) {
        (Ok(before), Ok(after)) if after.unix <= before.unix => {
            Err(Error::new("the wall clock stands still"))
        }
        _ => Ok(()),
    }
}

fn tell(clock: &impl Clock) {
    match clock.wall() {
        Ok(wall) => log::info!("{} ms, and it is {wall}", clock.now().as_millis()),
        Err(error) => log::info!("{} ms, and {error}", clock.now().as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use uk_device::fake::{Clock, Logs, block_on};
    use uk_device::{Duration, Wall};

    #[test]
    fn it_tells_the_time_twice() {
        let (clock, logs) = (Clock::running(), Logs::capture());
        clock.set_wall(Some(Wall { unix: Duration::from_secs(1_795_427_684), offset: Some(-3600) }));
        block_on(super::start(&clock, &clock)).expect("the clocks move");
        clock.set_wall(None);
        block_on(super::start(&clock, &clock)).expect("one clock moves");
        assert_eq!(
            logs.lines(),
            [
                "0 ms, and it is 2026-11-23 08:54:44 -01:00",
                "1500 ms, and it is 2026-11-23 08:54:45 -01:00",
                "1500 ms, and the machine has no wall clock",
                "3000 ms, and the machine has no wall clock",
            ]
        );
    }

    #[test]
    fn a_clock_that_stands_still_is_an_error() {
        // Its lines aren't for the other tests.
        let _logs = Logs::capture();
        let (stopped, running) = (Clock::new(), Clock::running());
        let error = block_on(super::start(&stopped, &running)).expect_err("it doesn't move");
        assert_eq!(error.message(), "a sleep of 1.5s took 0ns");
    }
}
