"""Runs build/wasi/tinyai.wasm in wasmtime; started by tools/wasi-run.

The same with wasmtime's own command:
    wasmtime run --dir models/storyteller build/wasi/tinyai.wasm run models/storyteller/MODEL.gguf PROMPT
"""

import os
import signal
import sys
from importlib.metadata import version

import wasmtime

MODULE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "build", "wasi", os.environ.get("TINYAI_WASI_MODULE", "tinyai.wasm")
)
PAGE_BYTES = 65536


def folders(arguments, environment):
    """Folders of the files that the arguments (also behind --option=) and the environment name."""
    names = [a.split("=", 1)[1] if a.startswith("--") and "=" in a else a for a in arguments]
    names += [environment.get("TINYAI_MODEL", ""), "models/storyteller/storyteller-q8_0.gguf"]
    found = []
    for name in names:
        folder = os.path.dirname(name)
        if os.path.isdir(name):
            found.append(name)  # so that the command can say that it is a folder
        elif os.path.isfile(name):
            found.append(folder or ".")
        elif folder.strip("/") and os.path.isdir(folder) and not any(c.isspace() for c in name):
            found.append(folder)  # so that it can say that the file is not there
    return list(dict.fromkeys(found))


def writable_folder(arguments):
    """The only folder that is written to: of the report, or of what convert makes."""
    if arguments[:1] == ["convert"]:
        names = [a for i, a in enumerate(arguments[1:]) if not a.startswith("-") and arguments[i] != "--memory"]
        return os.path.dirname(names[1]) or "." if len(names) > 1 else None
    for i, argument in enumerate(arguments):
        if argument.startswith("--report="):
            return os.path.dirname(argument[len("--report=") :]) or "."
        if argument == "--report" and i + 1 < len(arguments):
            return os.path.dirname(arguments[i + 1]) or "."
    return None


def guest_name(folder):
    """wasi-libc takes ./ off the paths that it looks up, but not off the names of folders."""
    while folder.startswith("./"):
        folder = folder[2:].lstrip("/")
    return folder or "."


def wasi_config(arguments, environment):
    config = wasmtime.WasiConfig()
    config.argv = ["tinyai", *arguments]
    config.env = [(k, environment[k]) for k in ("NO_COLOR", "TINYAI_MODEL") if k in environment]
    config.inherit_stdin()
    config.inherit_stdout()
    config.inherit_stderr()
    writable = writable_folder(arguments)
    shared = folders(arguments, environment)
    if writable and writable not in shared:
        shared.append(writable)
    for folder in shared:
        try:
            config.preopen_dir(folder, guest_name(folder), fs_mutable=folder == writable)
        except wasmtime.WasmtimeError as error:
            print(f"wasi-run: cannot share the folder {folder}: {error}", file=sys.stderr)
    return config


def load(engine, path):
    """The compiled module; kept beside the module itself, because compiling takes longer than most runs."""
    compiled = f"{path}.wasmtime-{version('wasmtime')}"
    if os.path.exists(compiled) and os.path.getmtime(compiled) > os.path.getmtime(path):
        return wasmtime.Module.deserialize_file(engine, compiled)
    module = wasmtime.Module.from_file(engine, path)
    try:
        with open(f"{compiled}.{os.getpid()}", "wb") as file:
            file.write(module.serialize())
        os.replace(file.name, compiled)  # never half a file, whoever else runs
    except OSError:
        pass  # it was only to save time
    return module


def run(arguments, environment=os.environ, module=MODULE):
    """Returns the exit code and the bytes of linear memory at the end."""
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    store.set_wasi(wasi_config(arguments, environment))
    instance = linker.instantiate(store, load(engine, module))
    exports = instance.exports(store)
    code = 0
    try:
        exports["_start"](store)
    except wasmtime.ExitTrap as end:
        code = end.code
    return code, exports["memory"].size(store) * PAGE_BYTES


if __name__ == "__main__":
    if not os.path.exists(MODULE):
        sys.exit(f"wasi-run: {MODULE} is missing: run tools/build first")
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python would wait for the module to return
    sys.exit(run(sys.argv[1:])[0])
