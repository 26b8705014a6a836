package dev.darkroom.cli;

import dev.darkroom.tensor.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** Where to compute, and in which type. */
final class DeviceOptions {
    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "auto",
            description = "auto, cpu, cuda or cuda:N. Default: ${DEFAULT-VALUE}.")
    private String device = "auto";

    @Option(
            names = {"--dtype", "--type"},
            paramLabel = "TYPE",
            converter = TypeConverter.class,
            description = "f32, f16 or bf16. Default: what is fastest on the device.")
    private @Nullable DType dtype;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads of the CPU device. Default: as many as there are cores.")
    private int threads;

    String device() {
        return device;
    }

    @Nullable
    DType dtype() {
        return dtype;
    }

    int threads() {
        if (threads < 0) {
            throw new IllegalArgumentException("threads is " + threads + "; must be 1 or more, or 0 for all cores");
        }
        return threads;
    }

    /** Reads a {@link DType} in any of its spellings. */
    static final class TypeConverter implements ITypeConverter<DType> {
        @Override
        public DType convert(String value) {
            DType type = DType.parse(value);
            if (!type.isFloating()) {
                throw new IllegalArgumentException("networks compute in f32, f16 or bf16, not in " + value);
            }
            return type;
        }
    }
}
