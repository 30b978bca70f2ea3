compile_error!("nobody asked for it");
