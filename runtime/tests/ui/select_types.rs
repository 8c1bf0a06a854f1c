use runtime::{op, select};

fn main() {
    drop(async {
        select! { _ = 5 => {} }
        let _: u8 = select! { _ = op::nop() => 1, Ok(()) = op::nop() => "two" };
        select! { _ = op::nop(), if 1 => {} }
        select! { Some(_) = op::nop() => {} }
    });
}
