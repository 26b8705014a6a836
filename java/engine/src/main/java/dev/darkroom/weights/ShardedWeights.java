package dev.darkroom.weights;

import com.fasterxml.jackson.databind.JsonNode;
import dev.darkroom.tensor.HostTensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Weights spread over several safetensors files, as a {@code *.safetensors.index.json} lists them. */
final class ShardedWeights implements WeightSource {
    private final Path index;
    private final Map<String, TensorFile> shardOf;

    private ShardedWeights(Path index, Map<String, TensorFile> shardOf) {
        this.index = index;
        this.shardOf = shardOf;
    }

    /**
     * Opens the shards that {@code index} lists, which lie beside it.
     *
     * @throws WeightsException when a shard is missing or broken, lies elsewhere, or lacks a tensor that it should hold
     */
    static ShardedWeights open(Path index) {
        JsonNode map = Json.readObject(index).path("weight_map");
        if (!map.isObject()) {
            throw new WeightsException(index + " has no \"weight_map\" object; download it again");
        }
        Map<String, TensorFile> shards = new HashMap<>();
        Map<String, TensorFile> shardOf = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> tensor : map.properties()) {
            String name = tensor.getValue().asText();
            TensorFile shard = shards.computeIfAbsent(name, file -> openShard(index, file));
            if (!shard.has(tensor.getKey())) {
                throw new WeightsException(index + " says that tensor \"" + tensor.getKey() + "\" is in " + name
                        + ", which does not hold it; download both again");
            }
            shardOf.put(tensor.getKey(), shard);
        }
        return new ShardedWeights(index, shardOf);
    }

    private static TensorFile openShard(Path index, String name) {
        if (name.isEmpty() || name.contains("/") || name.contains("\\") || name.contains("\0") || name.equals("..")) {
            throw new WeightsException(index + " names the shard \"" + name
                    + "\", which is not the name of a file beside it; do not use this folder");
        }
        Path shard = index.resolveSibling(name);
        if (!Files.isRegularFile(shard)) {
            throw new WeightsException(
                    shard + " is missing, one of the shards listed in " + index.getFileName() + "; download it");
        }
        return TensorFile.open(shard);
    }

    @Override
    public Set<String> names() {
        return Collections.unmodifiableSet(shardOf.keySet());
    }

    @Override
    public boolean has(String name) {
        return shardOf.containsKey(name);
    }

    @Override
    public HostTensor get(String name) {
        TensorFile shard = shardOf.get(name);
        if (shard == null) {
            throw MissingTensor.in(this, name, null);
        }
        return shard.get(name);
    }

    @Override
    public String describe() {
        return index.toString();
    }
}
