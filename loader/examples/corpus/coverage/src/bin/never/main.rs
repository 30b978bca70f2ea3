compile_error!("its feature is off");
