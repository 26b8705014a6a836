package dev.darkroom.cpu;

import org.bytedeco.javacpp.Pointer;

/** A native address as JavaCPP takes it; owns nothing and can be pointed elsewhere. */
final class Address extends Pointer {
    Address() {}

    Address at(long newAddress) {
        address = newAddress;
        return this;
    }
}
