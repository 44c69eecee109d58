//! Writes whose client heard nothing and that take effect only later.

use jiff::Timestamp;

use super::api;
use super::call::Call;
use super::world::World;

/// A write that waits.
pub(crate) struct LateWrite {
    /// When it takes effect by itself; `None` waits to be released.
    pub(crate) due: Option<Timestamp>,
    pub(crate) call: Call,
}

/// Lets every write take effect whose time has come, at its time and in that order.
pub(crate) fn settle(world: &mut World) {
    let now = world.now();
    loop {
        let next = world
            .late
            .iter()
            .enumerate()
            .filter_map(|(position, write)| Some((write.due.filter(|due| *due <= now)?, position)))
            .min();
        let Some((due, position)) = next else { return };
        let write = world.late.remove(position);
        let kept = world.clock.replace(due);
        perform(world, &write.call);
        world.clock = kept;
    }
}

/// Lets every write that waits take effect now, in the order of arrival, and gives the status of each: what was
/// right when it was sent may be refused by now.
pub(crate) fn release(world: &mut World) -> Vec<u16> {
    let waiting = std::mem::take(&mut world.late);
    waiting.iter().map(|write| perform(world, &write.call)).collect()
}

fn perform(world: &mut World, call: &Call) -> u16 {
    let status = api::answer(world, call).map_or(404, |answer| answer.status.as_u16());
    world.note();
    status
}
