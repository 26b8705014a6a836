# What all launchers do: see whether this machine can run the folder's Java, then become it. For any POSIX shell; $home is the folder.

loader=/lib64/ld-linux-x86-64.so.2 # glibc's, which the runtime names

# An empty environment has no search path for the programs that are started, and no encoding of file names.
export PATH="${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"
[ -n "${LC_ALL-}${LC_CTYPE-}${LANG-}" ] || export LC_CTYPE=C.UTF-8

# What the dynamic loader says of libraries, or of versions of them, that this system lacks.
lacking() {
  for library in server/libjvm.so libzip.so; do
    LD_LIBRARY_PATH="$home/runtime/lib/server:$home/runtime/lib" "$loader" --list "$home/runtime/lib/$library" 2>&1 |
      grep -e 'not found' -e 'cannot open' || :
  done
}

# start NAME MAIN-CLASS ARGUMENTS…
start() {
  name=$1
  class=$2
  shift 2
  java=$home/runtime/bin/java
  fail() {
    echo "$name: $1" >&2
    exit 2
  }
  system="$(uname -s) on $(uname -m)"
  [ "$system" = "Linux on x86_64" ] || fail "this folder is for Linux on x86_64, and this is $system"
  case $home in
    *:*) fail "the path $home has a colon, which Java takes for the end of a path; move the folder" ;;
  esac
  [ -f "$java" ] || fail "$java is missing; unpack the archive anew, all of it"
  [ -x "$java" ] || fail "$java cannot be executed; unpack the archive with tar, and where files may be executed (not mounted noexec)"
  [ -e "$loader" ] || fail "this system has no $loader: the folder's Java needs glibc, not another C library such as musl"
  lacks=$(lacking)
  [ -z "$lacks" ] || fail "this system is too old for this folder's Java, or lacks libraries (libstdc++, libgcc, zlib) that it needs:
$lacks"
  exec "$java" -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED -Ddarkroom.home="$home" -Ddarkroom.root="$home" \
    -cp "$home/lib/*:$home/tests/lib/*" "$class" "$@"
}
