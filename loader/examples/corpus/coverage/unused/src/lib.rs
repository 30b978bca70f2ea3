compile_error!("this system is no unix");
