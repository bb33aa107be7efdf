#!/bin/bash
# Take the recordings again: take.sh [5.10|6.1|6.12|7.3]... (README.md says what it needs).
# The kernels come from the repository that this machine's apt uses already, through a private apt
# directory: apt verifies the signatures, and the system's own settings stay as they are.
set -euo pipefail
declare -A suites=([5.10]=bullseye [6.1]=bookworm [6.12]=trixie [7.3]=trixie-backports)
here=$(cd "$(dirname "$0")" && pwd)

depends() { # PACKAGE PATTERN: the packages it depends on whose names match
    apt-cache "${apt[@]}" depends "$1" | sed -n "s/^ *Depends: \($2\)\$/\1/p"
}
add_module() { # NAME: the module into initrd/modules, in the load order behind those it needs
    local name=${1//-/_} needed; local ko=initrd/modules/$name.ko
    [[ ! -e $ko ]] || return 0
    xz -dcf "$(find root/ -name "${name//_/[-_]}.ko*")" > "$ko" # copies what is not compressed
    for needed in $(sed -zn 's/^depends=//p' "$ko" | tr ',\0' '  '); do add_module "$needed"; done
    echo "$name" >> initrd/modules/order
}
take() { # VERSION: both states of one machine, worked on in the current directory
    local suite=${suites[$1]:?expected one of ${!suites[*]}} image module
    local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p apt/{state/lists,cache/archives}/partial debs initrd/{bin,dev,modules,proc,rec,sys}
    # Of the addresses in use: Debian's own, and its security updates (backports have no such suite)
    apt-get indextargets --format "deb [signed-by=$keyring] \$(REPO_URI) $suite:\$(LABEL) main" \
        'Created-By: Packages' | sort -u | sed -n -e 's/:Debian main/ main/p' \
        -e '/-backports/!s/:Debian-Security main/-security main/p' > debian.list
    apt=(-q -o APT::Update::Error-Mode=any -o APT::Sandbox::User=root -o Dir::Cache="$PWD/apt/cache"
        -o Dir::Etc::SourceList="$PWD/debian.list" -o Dir::Etc::SourceParts=/dev/null
        -o Dir::State="$PWD/apt/state" -o Dir::State::status=/dev/null)
    apt-get "${apt[@]}" update
    image=$(depends linux-image-amd64 'linux-image-[0-9].*')
    (cd debs && apt-get "${apt[@]}" download "${image:?no kernel package in $suite}" \
        $(depends "$image" 'linux-\(base\|binary\|modules\)-[0-9].*'))
    for deb in debs/*.deb; do dpkg-deb -x "$deb" root; done
    find root/ -name 'vmlinuz*' -type f -exec cp {} vmlinuz \;
    find root/ \( -path '*/boot/config-*' -o -path '*/modules/*/config' \) -exec cp {} config \;
    install "$here/init" initrd/
    install "$(command -v busybox)" initrd/bin/
    for module in e1000 nvme nd_pmem nd_e820; do add_module $module; done
    (cd initrd && find . | cpio -o -H newc --quiet) > initrd.cpio
    truncate -s 16M nvme.img
    qemu=(-accel "tcg,thread=multi" -cpu qemu64 -smp 2 -m 2048 -nographic -no-reboot -nic none
        -device e1000 -device "nvme,drive=scratch,serial=1"
        -drive "file=nvme.img,format=raw,if=none,id=scratch" -device "ivshmem-plain,memdev=shared"
        -object "memory-backend-ram,id=shared,size=64M,share=on" -kernel vmlinuz
        -initrd initrd.cpio -append 'console=ttyS0 panic=-1 nokaslr memmap=256M!1G')
    timeout 300 qemu-system-x86_64 "${qemu[@]}" < /dev/null > console || true
    grep -q '^END' console || { tail -n 40 console; return 1; }
    python3 - "$here/qemu-$1" "$suite" "$(qemu-system-x86_64 --version)" "${qemu[@]}" << 'PYTHON'
import base64, datetime, hashlib, io, json, pathlib, re, sys, tarfile
folder, suite, qemu, *arguments = pathlib.Path(sys.argv[1]), *sys.argv[2:]
lines = pathlib.Path("console").read_text(errors="replace").splitlines()
packed = base64.b64decode("".join(lines[lines.index("RECORDING") + 1 : lines.index("END")]))
with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:  # gzip checks the transfer
    text = {m.name[2:]: tar.extractfile(m).read().decode() for m in tar if m.isfile()}
files = {name: body for name, body in text.items() if name.endswith(("/iomem", "/ioports"))}
for state in "idle", "bound":
    devices = {}
    for name in sorted(name for name in text if name.startswith(f"{state}/pci/")):
        bdf, key = name.split("/")[2:]
        value = text[name] if key == "resource" else text[name].strip()
        devices.setdefault(bdf, {"driver": None})[key] = value
    files[f"{state}/pci.json"] = json.dumps(devices, indent=1, sort_keys=True) + "\n"
sizes = re.search(r"^address sizes\s*: (\d+) bits physical.*", text["cpuinfo"], re.M)
config = dict(re.findall(r"^CONFIG_(\w+)=(.*)", pathlib.Path("config").read_text(), re.M))
options = "DEVMEM", "STRICT_DEVMEM", "IO_STRICT_DEVMEM", "X86_PAT"
files["machine.json"] = json.dumps({
    "name": folder.name, "taken": str(datetime.date.today()), "suite": suite,
    "packages": dict(deb.name.split("_")[:2] for deb in sorted(pathlib.Path("debs").iterdir())),
    "version": text["version"].strip(), "cmdline": text["cmdline"].strip(),
    "config": {f"CONFIG_{name}": config.get(name, "n") for name in options},
    "address_sizes": sizes[0], "physical_address_bits": int(sizes[1]),
    "qemu": {"version": qemu.splitlines()[0], "arguments": arguments},
    "sha256": {n: hashlib.sha256(b.encode()).hexdigest() for n, b in sorted(files.items())},
}, indent=1) + "\n"
for name, body in files.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(body)
PYTHON
}
for version in "${@:-${!suites[@]}}"; do
    work=$(mktemp -d); cd "$work"
    take "$version"
    rm -r "$work"
done
