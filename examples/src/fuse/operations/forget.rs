//! FORGET, BATCH_FORGET, INTERRUPT: requests without a reply.

use crate::{
    file_system::FileSystem,
    protocol::{Fields, Header, opcode},
    room::Room,
};

/// INTERRUPT is passed over: operations end by themselves, and soon. Whoever waits for one is let go then.
pub fn forget<R: Room>(fs: &FileSystem, header: &Header, room: &R) {
    match header.opcode {
        opcode::FORGET => {
            if let Ok((structure, _)) = room.arguments(8) {
                fs.inodes.forget(header.node, Fields(structure).u64());
            }
        }
        opcode::BATCH_FORGET => {
            let Ok((structure, list)) = room.arguments(8) else { return };
            let count = Fields(structure).u32() as usize;
            for one in list.chunks_exact(16).take(count) {
                let mut fields = Fields(one);
                fs.inodes.forget(fields.u64(), fields.u64());
            }
        }
        _ => {}
    }
}
