package dev.darkroom.bench.kernels;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.darkroom.cuda.KernelTimer;
import dev.darkroom.cuda.KernelTimer.Bare;
import dev.darkroom.tensor.DType;
import dev.darkroom.tensor.Device;
import dev.darkroom.tensor.DeviceLostException;
import dev.darkroom.tensor.Ops;
import dev.darkroom.tensor.OutOfDeviceMemoryException;
import dev.darkroom.tensor.Scope;
import dev.darkroom.tensor.Tensor;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Times one operation by our own kernels and, where it is a product, by cuBLAS or cuDNN; and that product without what follows it. */
final class RowBench {
    private static final int WARM_UPS = 3; // the first loads kernels

    private final Device device;
    private final KernelTimer timer;
    private final Ceilings ceilings;
    private final int repeat;
    private final Operands operands = new Operands(/* values= */ true);
    private final Set<String> bareDone = new HashSet<>();

    RowBench(Device device, KernelTimer timer, Ceilings ceilings, int repeat) {
        this.device = device;
        this.timer = timer;
        this.ceilings = ceilings;
        this.repeat = repeat;
    }

    /** Fills in a row. What cannot be had, for want of memory or as a library refuses it, is told in the row. */
    void measure(ShapeList.Row row, ObjectNode node) {
        row.writeTo(node);
        OpCall call = row.call();
        if (!call.takesNumbers()) {
            node.put("skipped", "its operands are ids or bytes, which cannot be drawn at random");
            return;
        }
        try (Scope scope = Scope.open(device, "row")) {
            Object[] arguments = operands.of(device.ops(scope), call);
            timer.forget(); // the products that made the operands
            Timing own = time(call, arguments);
            double floor = ceilings.floor(call.flops(), call.bytes());
            own.writeTo(node)
                    .put("tflops", Timing.rounded(call.flops() / own.median() / 1e6))
                    .put("gbs", Timing.rounded(call.bytes() / own.median() / 1e3))
                    .put("floor_us", Timing.rounded(floor))
                    .put("share_percent", Timing.rounded(100 * floor / own.median()));
            byLibraries(call, arguments, own, node);
            int images = call.input().rank() < 2 ? 1 : call.input().dim(0);
            for (Bare bare : timer.bareProducts(images)) {
                if (bareDone.add(bare.toString())) {
                    bare(bare, node);
                }
            }
        } catch (OutOfDeviceMemoryException e) {
            node.put("skipped", e.getMessage());
        } catch (DeviceLostException e) {
            throw e;
        } catch (RuntimeException e) { // of this row; the others are no worse for it
            node.put("failed", e.toString());
        }
    }

    private Timing time(OpCall call, Object[] arguments) {
        return new Timing(timer.microseconds(run -> call.call(device.ops(run), arguments), WARM_UPS, repeat));
    }

    /** The fastest library for the same operation, what follows the product included. */
    private void byLibraries(OpCall call, Object[] arguments, Timing own, ObjectNode node) {
        double least = Double.POSITIVE_INFINITY;
        for (String server : others(timer.servers())) {
            timer.serve(server);
            try {
                Timing timing = time(call, arguments);
                if (timing.median() < least) {
                    least = timing.median();
                    timing.writeTo(node.putObject("library").put("by", server))
                            .put("ratio", Timing.rounded(least / own.median()));
                }
            } catch (DeviceLostException e) {
                throw e;
            } catch (RuntimeException e) {
                node.withObject("/library_failed").put(server, e.toString());
            }
        }
    }

    /** A product without what follows it: ours beside the fastest library's. */
    private void bare(Bare bare, ObjectNode node) {
        List<String> servers = timer.servers(bare);
        if (servers.size() < 2) {
            return;
        }
        try (Scope scope = Scope.open(device, "bare")) {
            Ops ops = device.ops(scope);
            DType dtype = KernelTimer.dtype(bare);
            Tensor x = operands.normal(ops, KernelTimer.input(bare), dtype);
            Tensor weight = operands.normal(ops, KernelTimer.weight(bare), dtype);
            ObjectNode found = node.withArray("bare").addObject().put("product", bare.toString());
            double own = bareTime(bare, servers.get(0), x, weight);
            double least = Double.POSITIVE_INFINITY;
            for (String server : others(servers)) {
                double time = bareTime(bare, server, x, weight);
                if (time < least) {
                    least = time;
                    found.put("by", server);
                }
            }
            found.put("own_us", Timing.rounded(own))
                    .put("library_us", Timing.rounded(least))
                    .put("own_tflops", Timing.rounded(KernelTimer.flops(bare) / own / 1e6))
                    .put("ratio", Timing.rounded(least / own));
        } catch (DeviceLostException e) {
            throw e;
        } catch (RuntimeException e) {
            node.put("bare_failed", e.toString());
        }
    }

    private double bareTime(Bare bare, String server, Tensor x, Tensor weight) {
        timer.serve(bare, server);
        return new Timing(timer.microseconds(run -> timer.compute(bare, run, x, weight), WARM_UPS, repeat)).median();
    }

    private static List<String> others(Collection<String> servers) {
        return servers.stream().skip(1).toList(); // the first are our own kernels
    }
}
