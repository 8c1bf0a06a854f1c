use runtime::{op, select};

fn main() {
    drop(async {
        select! {}
        select! { op::nop() => {} }
        select! { nop => {} }
        select! { _ = op::nop() }
        select! { _ = op::nop(), ready => {} }
        select! { _ = op::nop(), if let Some(_) = None::<u8> => {} }
        select! { _ = op::nop() => 1 _ = op::nop() => 2 }
        select! { _ = op::nop() => }
        select! { else => {}, _ = op::nop() => {} }
        select! { _ = op::nop() => {}, else if true => {} }
    });
}
