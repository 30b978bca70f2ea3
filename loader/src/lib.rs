//! The one stage that reads the user's tree: manifests, sources, cargo, the toolchain and the embedded SDK.
