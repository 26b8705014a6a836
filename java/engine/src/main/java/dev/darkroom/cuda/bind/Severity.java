package dev.darkroom.cuda.bind;

import java.util.Set;

/** What a code of the driver means for whoever called it, by the descriptions of CUresult in the driver API's manual. */
public enum Severity {
    /** No memory was left. What is cached can be given back and the call made once more. */
    MEMORY,

    /** The call was not carried out; the device goes on. */
    REQUEST,

    /** The device is of no use to this process any more: its context is broken or gone, or the driver cannot reach it. */
    DEVICE;

    private static final int OUT_OF_MEMORY = 2;
    private static final int NEWEST_KNOWN = 916;

    /** A kernel, or the hardware under it, did what must not be: "the process must be terminated and relaunched". */
    private static final Set<Integer> BROKEN_BY_KERNEL = Set.of(
            700, // ILLEGAL_ADDRESS
            702, // LAUNCH_TIMEOUT
            710, // ASSERT
            714, // HARDWARE_STACK_ERROR
            715, // ILLEGAL_INSTRUCTION
            716, // MISALIGNED_ADDRESS
            717, // INVALID_ADDRESS_SPACE
            718, // INVALID_PC
            719, // LAUNCH_FAILED
            721); // TENSOR_MEMORY_LEAK

    /** The hardware, the driver or what stands between them failed, or somebody ended the context. */
    private static final Set<Integer> LOST_OTHERWISE = Set.of(
            3, // NOT_INITIALIZED
            4, // DEINITIALIZED
            34, // STUB_LIBRARY
            46, // DEVICE_UNAVAILABLE
            100, // NO_DEVICE
            101, // INVALID_DEVICE
            102, // DEVICE_NOT_LICENSED
            201, // INVALID_CONTEXT
            214, // ECC_UNCORRECTABLE
            220, // NVLINK_UNCORRECTABLE
            226, // CONTAINED
            709, // CONTEXT_IS_DESTROYED
            802, // SYSTEM_NOT_READY
            803, // SYSTEM_DRIVER_MISMATCH
            804, // COMPAT_NOT_SUPPORTED_ON_DEVICE
            805, // MPS_CONNECTION_FAILED
            806, // MPS_RPC_FAILURE
            807, // MPS_SERVER_NOT_READY
            808, // MPS_MAX_CLIENTS_REACHED
            809, // MPS_MAX_CONNECTIONS_REACHED
            810, // MPS_CLIENT_TERMINATED
            911, // EXTERNAL_DEVICE
            916); // KEY_ROTATION

    /** The severity of an error; of a code that a newer driver has invented, the worst. */
    public static Severity of(int code) {
        if (code == OUT_OF_MEMORY) {
            return MEMORY;
        }
        return isBrokenByKernel(code) || LOST_OTHERWISE.contains(code) || code > NEWEST_KNOWN ? DEVICE : REQUEST;
    }

    /** Whether an error that takes the device comes from a kernel rather than from the machine. */
    public static boolean isBrokenByKernel(int code) {
        return BROKEN_BY_KERNEL.contains(code);
    }
}
